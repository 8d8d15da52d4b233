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

/// The entropy of the next token at a place of an answer, in nats.
struct PlacedEntropy {
  std::size_t at = 0;
  float entropy = 0.0F;
};

/// The `count` places where the entropy is highest, rising; of equal ones the first.
std::vector<std::size_t> uncertain_places(std::vector<PlacedEntropy> entropies, std::size_t count);

}  // namespace touchstone
