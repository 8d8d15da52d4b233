#pragma once
#include <string>
#include <vector>

namespace touchstone {

/// A table for a terminal: columns as wide as their widest cell, numbers on the right.
class Table {
 public:
  explicit Table(std::vector<std::string> head);
  void row(std::vector<std::string> cells);
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace touchstone
