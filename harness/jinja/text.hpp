#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/jinja/machine.hpp"

namespace touchstone::jinja {

// What Python's str can do with a text, on UTF-8.

enum class Casing : std::uint8_t { upper, lower, title, capital, swapped };
std::string recased(std::string_view text, Casing casing);

enum class Class : std::uint8_t { decimal, letter, letter_or_digit, space, upper, lower, printable, ascii };
/// True when the text is not empty and every character is of the class; for upper and lower, every one that has a case.
bool is_all(std::string_view text, Class wanted);

/// As str.istitle().
bool is_title(std::string_view text);
/// Whether there is a character that Python takes for a digit although it is no decimal one (a superscript, say).
bool has_other_digit(std::string_view text);
/// As Python's int(text, base) and float(text); absent where Python raises ValueError. `outside` is set for a whole
/// number that leaves 64 bits and for digits other than 0 to 9, which Python reads.
std::optional<std::int64_t> to_whole(std::string_view text, int base, bool& outside);
std::optional<double> to_real(std::string_view text, bool& outside);

/// Without the characters of `set` at its ends.
std::string_view strip_set(std::string_view text, std::string_view set, bool left, bool right);

/// `most`: how many cuts at most; below 0 as many as there are.
std::vector<std::string_view> split_at(std::string_view text, std::string_view separator, std::int64_t most);
std::vector<std::string_view> split_at_from_right(std::string_view text, std::string_view separator, std::int64_t most);
/// At runs of white space, with none at the ends.
std::vector<std::string_view> split_at_spaces(std::string_view text, std::int64_t most);
std::vector<std::string_view> split_at_spaces_from_right(std::string_view text, std::int64_t most);
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);

/// Each `from` as `to`, `most` of them from the left.
std::string replaced(Machine& machine, const std::string& text, const std::string& from, const std::string& to,
                     std::int64_t most);

std::vector<Value> texts(const std::vector<std::string_view>& all);

}  // namespace touchstone::jinja
