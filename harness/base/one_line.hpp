#pragma once
#include <string>
#include <string_view>

namespace touchstone {

/// Text from outside, made safe for a message: control characters (line breaks, terminal escapes) become spaces, and
/// a text longer than `bytes` is cut at a whole character, with "...".
std::string one_line(std::string_view text, std::size_t bytes = 4000);

}  // namespace touchstone
