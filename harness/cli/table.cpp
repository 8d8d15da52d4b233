#include "harness/cli/table.hpp"

#include <algorithm>
#include <cctype>

#include "harness/base/terminal.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace {

bool is_number(const std::string& cell) {
  return !cell.empty() && (std::isdigit(static_cast<unsigned char>(cell.back())) != 0 || cell.back() == '%') &&
         cell.find_first_not_of("0123456789.+-%e") == std::string::npos;
}

}  // namespace

Table::Table(std::vector<std::string> head) { rows_.push_back(std::move(head)); }

void Table::row(std::vector<std::string> cells) {
  cells.resize(rows_.front().size());
  rows_.push_back(std::move(cells));
}

std::string Table::text(std::size_t columns) const {
  const auto last = rows_.front().size() - 1;
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], code_points(row[i]));
  }
  std::size_t before = 0;
  for (std::size_t i = 0; i < last; ++i) before += widths[i] + 2;
  constexpr std::size_t narrowest = 20;
  const auto room = std::max(narrowest, columns > before ? columns - before : 0);
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < last; ++i) {
      const std::string gap(widths[i] - code_points(row[i]), ' ');
      line += (is_number(row[i]) ? gap + row[i] : row[i] + gap) + "  ";
    }
    if (code_points(row[last]) <= room) {
      const std::string gap(is_number(row[last]) ? widths[last] - code_points(row[last]) : 0, ' ');
      text += std::string(rstrip(line + gap + row[last])) + '\n';
      continue;
    }
    for (const auto& part : wrap(row[last], room)) {
      text += std::string(rstrip(line + part)) + '\n';
      line.assign(before, ' ');
    }
  }
  return text;
}

}  // namespace touchstone
