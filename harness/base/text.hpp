#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/utf8.hpp"

namespace touchstone {

/// "unknown task 'gsm8': did you mean 'gsm8k'?" or, when nothing is near, the names there are (the first 12).
std::string unknown_name(std::string_view kind, std::string_view name, std::span<const std::string> known);

/// The known name with the smallest edit distance to `name`; empty when none is within a third of its length.
std::string nearest_name(std::string_view name, std::span<const std::string> known);

std::vector<std::string> split(std::string_view text, char separator);
std::string join(std::span<const std::string> pieces, std::string_view separator);

/// Ends a message that shows the first of `lines` lines: "; and 4 more such" for 5 lines, empty for one.
std::string and_more(std::size_t lines);

/// Without the white space that Python's str.strip() removes from both ends (ASCII and Unicode).
std::string_view strip(std::string_view text);
/// The same for the left and the right end alone.
std::string_view lstrip(std::string_view text);
std::string_view rstrip(std::string_view text);

std::string replace_all(std::string text, std::string_view from, std::string_view to);

/// An ASCII digit.
constexpr bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

}  // namespace touchstone
