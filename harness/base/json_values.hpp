#pragma once
// For .cpp files: values that JSON cannot express, in the one form in which this program's files hold them. (Columns of
// the database have their own, because SQLite reads them: harness/store/flat_json.hpp.)
#include <string>
#include <string_view>

#include "harness/base/json.hpp"

namespace touchstone {

/// A number, exact to the last bit. One that is not finite becomes the text "nan", "inf" or "-inf".
Json number_json(double value);
/// The inverse. null, which older files hold, is read as nan. Throws Fault::data for anything else.
double number_from(const Json& json);

/// A number for readers other than this program: null where it is not finite.
Json number_or_null(double value);

/// Puts a model's output into an object. "text" holds it with U+FFFD for bytes that are not UTF-8; if there are any,
/// "bytes" holds all of it as hexadecimal digits.
void put_text(Json& object, std::string_view text);
/// The inverse, exact to the last byte. It also reads a "text" that is a list of byte values, as in older files. Throws
/// Fault::data for anything else.
std::string text_from(const Json& object);

}  // namespace touchstone
