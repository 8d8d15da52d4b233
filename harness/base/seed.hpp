#pragma once
#include <cstdint>
#include <string_view>

namespace touchstone {

/// A child seed: FNV-1a of the name, xor the seed, then the splitmix64 finaliser. Adding a user of randomness under a
/// new name therefore shifts nobody else's draws.
std::uint64_t derive_seed(std::uint64_t seed, std::string_view name);

/// 64-bit FNV-1a over bytes. fnv1a("a") = 12638187200555641996.
std::uint64_t fnv1a(std::string_view bytes);

}  // namespace touchstone
