#include "harness/data/python_random.hpp"

#include <cmath>
#include <unordered_set>

#include "harness/base/error.hpp"

namespace touchstone {
namespace {

constexpr std::size_t state_words = 624;
constexpr std::size_t shift = 397;

int bit_length(std::uint64_t n) {
  int bits = 0;
  for (; n != 0; n >>= 1U) ++bits;
  return bits;
}

}  // namespace

PythonRandom::PythonRandom(std::uint64_t seed) {
  // init_by_array of the reference MT19937: the seed's 32-bit words, least significant first, at least one.
  const std::array<std::uint32_t, 2> key = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U)};
  const std::size_t words = key[1] == 0 ? 1 : 2;
  state_[0] = 19650218U;
  for (std::uint32_t i = 1; i < state_words; ++i)
    state_[i] = 1812433253U * (state_[i - 1] ^ (state_[i - 1] >> 30U)) + i;
  std::size_t i = 1;
  const auto wrap = [&] {
    if (++i == state_words) {
      state_[0] = state_[state_words - 1];
      i = 1;
    }
  };
  std::size_t j = 0;
  for (std::size_t step = 0; step < state_words; ++step) {
    state_[i] =
        (state_[i] ^ ((state_[i - 1] ^ (state_[i - 1] >> 30U)) * 1664525U)) + key[j] + static_cast<std::uint32_t>(j);
    wrap();
    j = j + 1 == words ? 0 : j + 1;
  }
  for (std::size_t step = 0; step + 1 < state_words; ++step) {
    state_[i] = (state_[i] ^ ((state_[i - 1] ^ (state_[i - 1] >> 30U)) * 1566083941U)) - static_cast<std::uint32_t>(i);
    wrap();
  }
  state_[0] = 0x80000000U;
}

std::uint32_t PythonRandom::u32() {
  if (at_ == state_words) {
    for (std::size_t i = 0; i < state_words; ++i) {
      const std::uint32_t mixed = (state_[i] & 0x80000000U) | (state_[(i + 1) % state_words] & 0x7fffffffU);
      state_[i] = state_[(i + shift) % state_words] ^ (mixed >> 1U) ^ ((mixed & 1U) != 0 ? 0x9908b0dfU : 0U);
    }
    at_ = 0;
  }
  std::uint32_t word = state_[at_++];
  word ^= word >> 11U;
  word ^= (word << 7U) & 0x9d2c5680U;
  word ^= (word << 15U) & 0xefc60000U;
  return word ^ (word >> 18U);
}

double PythonRandom::random() {
  const std::uint32_t high = u32() >> 5U;
  const std::uint32_t low = u32() >> 6U;
  return (high * 67108864.0 + low) / 9007199254740992.0;
}

std::uint64_t PythonRandom::getrandbits(int bits) {
  if (bits <= 32) return u32() >> static_cast<unsigned>(32 - bits);
  const std::uint64_t low = u32();
  return low | (static_cast<std::uint64_t>(u32() >> static_cast<unsigned>(64 - bits)) << 32U);
}

std::uint64_t PythonRandom::below(std::uint64_t n) {
  const int bits = bit_length(n);
  std::uint64_t drawn = getrandbits(bits);
  while (drawn >= n) drawn = getrandbits(bits);
  return drawn;
}

std::vector<std::size_t> PythonRandom::sample(std::size_t population, std::size_t count) {
  require(count <= population, Fault::config,
          [&] { return "cannot draw " + std::to_string(count) + " different items of " + std::to_string(population); });
  // CPython copies the pool while it is smaller than a set of the drawn indices. The two ways draw different indices,
  // so both are here.
  double set_size = 21;
  if (count > 5) set_size += std::pow(4.0, std::ceil(std::log(static_cast<double>(count * 3)) / std::log(4.0)));
  std::vector<std::size_t> drawn(count);
  if (static_cast<double>(population) <= set_size) {
    std::vector<std::size_t> pool(population);
    for (std::size_t i = 0; i < population; ++i) pool[i] = i;
    for (std::size_t i = 0; i < count; ++i) {
      const auto j = below(population - i);
      drawn[i] = pool[j];
      pool[j] = pool[population - i - 1];
    }
    return drawn;
  }
  std::unordered_set<std::size_t> taken;
  for (auto& index : drawn) {
    do index = below(population);
    while (!taken.insert(index).second);
  }
  return drawn;
}

std::vector<std::size_t> PythonRandom::choices(std::size_t population, std::size_t count) {
  std::vector<std::size_t> drawn(count);
  for (auto& index : drawn) index = static_cast<std::size_t>(std::floor(random() * static_cast<double>(population)));
  return drawn;
}

}  // namespace touchstone
