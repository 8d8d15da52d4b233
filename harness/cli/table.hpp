#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace touchstone {

/// A table for a terminal: columns as wide as their widest cell, numbers on the right.
class Table {
 public:
  explicit Table(std::vector<std::string> head);
  void row(std::vector<std::string> cells);
  /// With `columns`, the last column is wrapped to keep lines within that width, as far as its words allow.
  std::string text(std::size_t columns = SIZE_MAX) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace touchstone
