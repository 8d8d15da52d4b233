#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace touchstone {

/// Columns of the terminal behind an open file (STDOUT_FILENO); 100 when it is no terminal or its width is unknown.
std::size_t terminal_columns(int file);

/// The words of `text`, wrapped to lines of at most `columns` code points; only a longer word makes a longer line.
std::vector<std::string> wrap(std::string_view text, std::size_t columns);

}  // namespace touchstone
