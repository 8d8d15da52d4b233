#include "reports/flat_table.hpp"

#include <algorithm>

#include "reports/blocks.hpp"

namespace touchstone::reports {
namespace {

/// One entry a column: the cell, or null for a column covered by a wider cell.
std::vector<const Cell*> cells_of(const TableRow& row) {
  std::vector<const Cell*> all;
  for (const auto& cell : row) {
    all.push_back(&cell);
    all.resize(all.size() + static_cast<std::size_t>(cell.columns - 1), nullptr);
  }
  return all;
}

void add_heads(FlatTable& flat, const ReportTable& table) {
  for (const auto& row : table.head) {
    std::size_t at = 0;
    for (const auto& cell : row) {
      const auto name = plain_of(cell.text);
      for (int column = 0; column < cell.columns; ++column, ++at) {
        if (at >= flat.columns.size()) flat.columns.emplace_back();
        auto& own = flat.columns[at];
        if (!name.empty()) own.name += (own.name.empty() ? "" : " ") + name;
        own.numbers = cell.classes.starts_with('n');
      }
    }
  }
}

}  // namespace

FlatTable flatten(const ReportTable& table) {
  FlatTable flat;
  add_heads(flat, table);
  const bool grouped = std::any_of(table.groups.begin(), table.groups.end(),
                                   [](const RowGroup& group) { return !group.heading.empty(); });
  if (grouped) flat.columns.insert(flat.columns.begin(), {"Group", false});
  flat.headings.reserve(table.groups.size());  // rows point to its cells
  for (const auto& group : table.groups) {
    flat.headings.push_back(text_cell(group.heading));
    for (const auto& row : group.rows) {
      auto cells = cells_of(row);
      if (grouped) cells.insert(cells.begin(), &flat.headings.back());
      cells.resize(flat.columns.size(), nullptr);
      flat.rows.push_back(std::move(cells));
    }
  }
  return flat;
}

}  // namespace touchstone::reports
