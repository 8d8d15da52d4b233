#pragma once
#include <string>
#include <vector>

#include "harness/report/block.hpp"

namespace touchstone::reports {

/// A table without spans, for formats that know only rows and columns.
struct FlatTable {
  struct Column {
    std::string name;  ///< stacked heads, joined: "ECE before"
    bool numbers = false;
  };
  std::vector<Column> columns;
  std::vector<std::vector<const Cell*>> rows;  ///< one a column; null where a wider cell before it covers the column
  std::vector<Cell> headings;                  ///< of the groups; they form a first column of their own
};

/// Valid as long as `table` lives.
FlatTable flatten(const ReportTable& table);

}  // namespace touchstone::reports
