#include "harness/base/seed.hpp"

namespace touchstone {

std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char byte : bytes) {
    hash ^= static_cast<unsigned char>(byte);
    hash *= 1099511628211ULL;
  }
  return hash;
}

std::uint64_t derive_seed(std::uint64_t seed, std::string_view name) { return splitmix64_mix(fnv1a(name) ^ seed); }

}  // namespace touchstone
