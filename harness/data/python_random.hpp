#pragma once
#include <array>
#include <cstdint>
#include <vector>

namespace touchstone {

/// CPython's random.Random(seed), draw for draw: MT19937 seeded by init_by_array. Few-shot examples of the reference
/// are drawn with it, so it decides the prompts. Checked against CPython 3.11.
class PythonRandom {
 public:
  explicit PythonRandom(std::uint64_t seed);
  std::uint32_t u32();
  double random();                                                              ///< in [0, 1)
  std::uint64_t getrandbits(int bits);                                          ///< bits in [1, 64]
  std::uint64_t below(std::uint64_t n);                                         ///< in [0, n); n > 0
  std::vector<std::size_t> sample(std::size_t population, std::size_t count);   ///< indices, without replacement
  std::vector<std::size_t> choices(std::size_t population, std::size_t count);  ///< indices, with replacement
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t last = values.size(); last-- > 1;) std::swap(values[last], values[below(last + 1)]);
  }

 private:
  std::array<std::uint32_t, 624> state_{};
  std::size_t at_ = 624;
};

}  // namespace touchstone
