#pragma once
#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/base/seed.hpp"

namespace touchstone {

/// Random numbers by counter: draw k of a named purpose is a pure function of (seed, name, k), so nothing has to be
/// saved with a checkpoint, and the standard library's version does not matter.
class Draws {
 public:
  Draws(std::uint64_t seed, std::string_view name) : seed_(derive_seed(seed, name)) {}

  std::uint64_t next() { return splitmix64_mix(seed_ + ++count_ * splitmix64_step); }

  /// Uniform in [0, n), without bias; n >= 1.
  std::uint64_t below(std::uint64_t n) {
    const std::uint64_t limit = UINT64_MAX - UINT64_MAX % n;
    std::uint64_t draw = next();
    while (draw >= limit) draw = next();
    return draw % n;
  }

 private:
  std::uint64_t seed_;
  std::uint64_t count_ = 0;
};

/// Fisher and Yates; every order equally likely.
template <class Value>
void shuffle(std::vector<Value>& values, Draws& draws) {
  for (std::size_t left = values.size(); left > 1; --left) std::swap(values[left - 1], values[draws.below(left)]);
}

/// `count` different indices below `size`, in rising order; all of them when count >= size.
inline std::vector<std::size_t> sample_indices(std::size_t size, std::size_t count, Draws& draws) {
  std::vector<std::size_t> all(size);
  for (std::size_t i = 0; i < size; ++i) all[i] = i;
  if (count >= size) return all;
  for (std::size_t i = 0; i < count; ++i) std::swap(all[i], all[i + draws.below(size - i)]);
  all.resize(count);
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace touchstone
