#pragma once
#include <string>
#include <vector>

#include "harness/report/block.hpp"

namespace touchstone::reports {

/// A table without spans: what formats have that know rows and columns alone.
struct FlatTable {
  struct Column {
    std::string name;  ///< heads above one another, joined: "ECE before"
    bool numbers = false;
  };
  std::vector<Column> columns;
  std::vector<std::vector<const Cell*>> rows;  ///< one a column; null where a wider cell stands before it
  std::vector<Cell> headings;                  ///< of the groups, which stand in a first column of their own
};

/// Valid as long as `table`.
FlatTable flatten(const ReportTable& table);

}  // namespace touchstone::reports
