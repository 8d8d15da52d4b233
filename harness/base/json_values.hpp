#pragma once
// For .cpp files: values that JSON has no form for, in the one form that this program's files give them. (Columns of
// the database have their own, because SQLite reads them: harness/store/flat_json.hpp.)
#include <string>
#include <string_view>

#include "harness/base/json.hpp"

namespace touchstone {

/// A number to the last bit; the texts "nan", "inf" and "-inf" for what is not finite.
Json number_json(double value);
/// The way back; null, which older files hold, is nan. Throws Fault::data for anything else.
double number_from(const Json& json);

/// A number as readers other than this program take it: null where it is not finite.
Json number_or_null(double value);

/// Puts what a model wrote into an object: "text", with U+FFFD for what is not UTF-8 and then "bytes", which has all of
/// it as hexadecimal digits.
void put_text(Json& object, std::string_view text);
/// The way back, to the last byte; a "text" that is a list of byte values, which older files hold, is read, too. Throws
/// Fault::data for anything else.
std::string text_from(const Json& object);

}  // namespace touchstone
