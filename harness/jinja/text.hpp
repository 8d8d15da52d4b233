#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/jinja/machine.hpp"

namespace touchstone::jinja {

// What Python's str can do with a text, on UTF-8.

enum class Casing : std::uint8_t { upper, lower, title, capital };
std::string recased(std::string_view text, Casing casing);

enum class Class : std::uint8_t { digit, letter, letter_or_digit, space, upper, lower };
/// True when the text is not empty and every character is of the class; for upper and lower, every one that has a case.
bool is_all(std::string_view text, Class wanted);

/// Without the characters of `set` at its ends.
std::string_view strip_set(std::string_view text, std::string_view set, bool left, bool right);

/// `most`: how many cuts at most; below 0 as many as there are.
std::vector<std::string_view> split_at(std::string_view text, std::string_view separator, std::int64_t most);
std::vector<std::string_view> split_at_from_right(std::string_view text, std::string_view separator, std::int64_t most);
/// At runs of white space, with none at the ends.
std::vector<std::string_view> split_at_spaces(std::string_view text, std::int64_t most);
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);

/// Each `from` as `to`, `most` of them from the left.
std::string replaced(Machine& machine, const std::string& text, const std::string& from, const std::string& to,
                     std::int64_t most);

std::vector<Value> texts(const std::vector<std::string_view>& all);

}  // namespace touchstone::jinja
