#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace touchstone {

/// Columns of the terminal behind an open file (STDOUT_FILENO); 100 when there is none, or it does not say.
std::size_t terminal_columns(int file);

/// The words of `text` in lines of at most `columns` code points, where the words allow it.
std::vector<std::string> wrap(std::string_view text, std::size_t columns);

}  // namespace touchstone
