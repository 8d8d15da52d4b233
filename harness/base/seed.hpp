#pragma once
#include <cstdint>
#include <string_view>

namespace touchstone {

/// The generator splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): its
/// state goes up by this step, and each state is mixed to a draw.
inline constexpr std::uint64_t splitmix64_step = 0x9e3779b97f4a7c15ULL;
constexpr std::uint64_t splitmix64_mix(std::uint64_t state) {
  state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9ULL;
  state = (state ^ (state >> 27)) * 0x94d049bb133111ebULL;
  return state ^ (state >> 31);
}

/// A child seed: FNV-1a of the name, xor the seed, then the splitmix64 finaliser. Adding a user of randomness under a
/// new name therefore shifts nobody else's draws.
std::uint64_t derive_seed(std::uint64_t seed, std::string_view name);

/// 64-bit FNV-1a over bytes. fnv1a("a") = 12638187200555641996.
std::uint64_t fnv1a(std::string_view bytes);

}  // namespace touchstone
