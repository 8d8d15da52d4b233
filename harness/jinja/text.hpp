#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/jinja/machine.hpp"

namespace touchstone::jinja {

// Methods of Python's str, on UTF-8.

enum class Casing : std::uint8_t { upper, lower, title, capital, swapped };
std::string recased(std::string_view text, Casing casing);

enum class Class : std::uint8_t { decimal, letter, letter_or_digit, space, upper, lower, printable, ascii };
/// True when the text is not empty and every character is of the class; for upper and lower, every cased character.
bool is_all(std::string_view text, Class wanted);

/// As str.istitle().
bool is_title(std::string_view text);
/// Whether some character is a digit for Python without being a decimal one (a superscript, say).
bool has_other_digit(std::string_view text);
/// As Python's int(text, base) and float(text); absent where Python raises ValueError. `outside` is set for a whole
/// number that exceeds 64 bits, and for digits other than 0 to 9, which Python accepts.
std::optional<std::int64_t> to_whole(std::string_view text, int base, bool& outside);
std::optional<double> to_real(std::string_view text, bool& outside);

/// Removes the characters of `set` from both ends.
std::string_view strip_set(std::string_view text, std::string_view set, bool left, bool right);

/// `most`: the largest number of cuts; no limit below 0.
std::vector<std::string_view> split_at(std::string_view text, std::string_view separator, std::int64_t most);
std::vector<std::string_view> split_at_from_right(std::string_view text, std::string_view separator, std::int64_t most);
/// Splits at runs of white space, and ignores white space at the ends.
std::vector<std::string_view> split_at_spaces(std::string_view text, std::int64_t most);
std::vector<std::string_view> split_at_spaces_from_right(std::string_view text, std::int64_t most);
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);

/// Replaces `from` by `to`, at most `most` times, from the left.
std::string replaced(Machine& machine, const std::string& text, const std::string& from, const std::string& to,
                     std::int64_t most);

std::vector<Value> texts(const std::vector<std::string_view>& all);

}  // namespace touchstone::jinja
