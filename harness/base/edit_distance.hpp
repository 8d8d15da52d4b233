#pragma once
#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace touchstone {

/// Levenshtein distance: the fewest insertions, deletions and changes of elements that turn one sequence into the
/// other. Keeps one row of the table at a time; takes as many steps as the product of the lengths.
template <class Sequence>
std::size_t edit_distance_of(const Sequence& a, const Sequence& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const auto changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace touchstone
