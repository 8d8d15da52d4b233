#include "trainers/loops/forks.hpp"

#include <algorithm>
#include <map>

namespace touchstone {

Places critical_places(std::size_t rows, const std::vector<Fork>& forks, const std::vector<bool>& right,
                       bool all_wrong) {
  struct Found {
    int right = 0;
    int wrong = 0;
  };
  std::vector<std::map<std::size_t, Found>> found(rows);
  for (std::size_t number = 0; number < forks.size(); ++number) {
    auto& place = found[forks[number].row][forks[number].at];
    ++(right[number] ? place.right : place.wrong);
  }
  Places places(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    for (const auto& [at, counts] : found[row]) {
      if (all_wrong ? counts.right == 0 : counts.wrong > 0) places[row].push_back(at);
    }
  }
  return places;
}

std::vector<std::size_t> uncertain_places(std::vector<PlacedEntropy> entropies, std::size_t count) {
  std::stable_sort(entropies.begin(), entropies.end(),
                   [](const auto& one, const auto& two) { return one.entropy > two.entropy; });
  std::vector<std::size_t> places;
  for (const auto& one : entropies) {
    if (places.size() < count) places.push_back(one.at);
  }
  std::sort(places.begin(), places.end());
  return places;
}

}  // namespace touchstone
