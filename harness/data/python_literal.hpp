#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace touchstone {

/// The value that ast.literal_eval gives for a text. Whole numbers beyond 64 bits, complex numbers, lone surrogates and
/// \N{names} are refused with a message that names them.
struct PythonValue {
  enum class Kind : std::uint8_t { none, boolean, integer, real, text, bytes, list, tuple, set, dict };
  Kind kind = Kind::none;
  std::int64_t integer = 0;  ///< also the value of a boolean
  double real = 0.0;
  std::string text = {};                ///< UTF-8, or the bytes
  std::vector<PythonValue> items = {};  ///< for a dict: key, value, key, value; keys and members of sets differ
};

/// The whole text as one literal; white space and comments may surround it. Throws Fault::data: "Python literal, byte
/// 7: a text has no closing quote".
PythonValue read_python_literal(std::string_view text);

/// The literal that begins at `at`, as a call's argument: a comma ends it. Moves `at` past it. Throws Fault::data.
PythonValue read_python_argument(std::string_view text, std::size_t& at);

/// The value as Python's repr writes it, but with the members of sets sorted by their text and every character from
/// U+00A0 on as it is. Equal values give equal text.
std::string python_text(const PythonValue& value);

}  // namespace touchstone
