#pragma once
#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace touchstone {

/// Elements that must be put in, taken out or changed to make one sequence of the other (Levenshtein distance), a row
/// of the table at a time: as many steps as the product of the lengths.
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
