#include "trainers/loops/forks.hpp"

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

}  // namespace touchstone
