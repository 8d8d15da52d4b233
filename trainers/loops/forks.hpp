#pragma once
#include <cstdint>
#include <vector>

namespace touchstone {

/// The answer that a model writes when it takes another token at one place of an answer.
struct Fork {
  std::size_t row = 0;
  std::size_t at = 0;  ///< the token's place in the answer
  std::int64_t token = 0;
};

/// Places of answers, by row, rising.
using Places = std::vector<std::vector<std::size_t>>;

/// A token of a right answer is critical when the answers that continue from other tokens in its place are wrong: all
/// of them, or any. right[i] says whether forks[i] came out right.
Places critical_places(std::size_t rows, const std::vector<Fork>& forks, const std::vector<bool>& right,
                       bool all_wrong);

}  // namespace touchstone
