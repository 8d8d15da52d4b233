#include "harness/base/one_line.hpp"

#include "harness/base/utf8.hpp"

namespace touchstone {

std::string one_line(std::string_view text, std::size_t bytes) {
  const bool cut = text.size() > bytes;
  std::string line(text.substr(0, cut_length(text, bytes)));
  for (std::size_t at = 0; at < line.size(); ++at) {
    const auto byte = static_cast<unsigned char>(line[at]);
    if (byte < 0x20U || byte == 0x7fU) line[at] = ' ';
    // U+0080 to U+009F are control characters, too; some terminals obey them.
    const bool wide =
        byte == 0xC2U && at + 1 < line.size() && (static_cast<unsigned char>(line[at + 1]) & 0xE0U) == 0x80U;
    if (wide) line.replace(at, 2, "  ");
  }
  return cut ? line + "..." : line;
}

}  // namespace touchstone
