#include "harness/base/terminal.hpp"

#include <sys/ioctl.h>

#include "harness/base/text.hpp"

namespace touchstone {

std::size_t terminal_columns(int file) {
  winsize size{};
  const bool known = ::ioctl(file, TIOCGWINSZ, &size) == 0 && size.ws_col > 20;
  return known ? size.ws_col : 100;
}

std::vector<std::string> wrap(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines;
  for (const auto& word : split(text, ' ')) {
    if (word.empty()) continue;
    if (!lines.empty() && code_points(lines.back()) + 1 + code_points(word) <= columns) {
      lines.back() += ' ' + word;
    } else {
      lines.push_back(word);
    }
  }
  return lines;
}

}  // namespace touchstone
