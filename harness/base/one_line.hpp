#pragma once
#include <string>
#include <string_view>

namespace touchstone {

/// Text from outside as a message may show it: control characters (line breaks, terminal escapes) become spaces, and
/// what is longer than `bytes` is cut at a whole character, with "...".
std::string one_line(std::string_view text, std::size_t bytes = 4000);

}  // namespace touchstone
