#pragma once
// What the kernel tests share: numbers, bfloat16 by the book, and every kernel set of this machine.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "harness/kernels/kernels.hpp"

namespace touchstone::kernels::testing {

/// The sets that this processor runs.
inline std::vector<std::string> sets() {
  std::vector<std::string> found;
  for (const char* name : {"baseline", "avx2", "avx512", "avx512bf16", "amx"}) {
    if (named(name) != nullptr) found.emplace_back(name);
  }
  return found;
}

inline std::uint16_t to_bf16(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}
inline float from_bf16(std::uint16_t x) {
  const std::uint32_t bits = static_cast<std::uint32_t>(x) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// Numbers in memory as one of the two types, readable as float.
class Numbers {
 public:
  Numbers(std::int64_t count, Type type, unsigned seed = 0) : type_(type), floats_(static_cast<std::size_t>(count)) {
    std::mt19937 generator(seed);
    std::uniform_real_distribution<float> uniform(-1.0F, 1.0F);
    for (float& x : floats_) x = seed == 0 ? 0.0F : uniform(generator);
    halves_.resize(floats_.size());
    for (std::size_t i = 0; i < floats_.size(); ++i) halves_[i] = to_bf16(floats_[i]);
  }
  void* data() { return type_ == Type::f32 ? static_cast<void*>(floats_.data()) : static_cast<void*>(halves_.data()); }
  float* floats() { return floats_.data(); }
  double operator[](std::int64_t i) const {
    const auto at = static_cast<std::size_t>(i);
    return type_ == Type::f32 ? floats_[at] : from_bf16(halves_[at]);
  }
  Type type() const { return type_; }
  std::int64_t size() const { return static_cast<std::int64_t>(floats_.size()); }
  bool operator==(const Numbers& other) const {
    return std::memcmp(floats_.data(), other.floats_.data(), floats_.size() * sizeof(float)) == 0 &&
           halves_ == other.halves_;
  }

 private:
  Type type_;
  std::vector<float> floats_;
  std::vector<std::uint16_t> halves_;
};

/// 64-byte aligned scratch memory.
class Aligned {
 public:
  explicit Aligned(std::int64_t bytes) : memory_(static_cast<std::size_t>(bytes) + 64) {}
  void* data() {
    const auto at = reinterpret_cast<std::uintptr_t>(memory_.data());
    return reinterpret_cast<void*>((at + 63) / 64 * 64);
  }

 private:
  std::vector<char> memory_;
};

inline double tolerance(Type type) { return type == Type::f32 ? 2e-6 : 1e-2; }

}  // namespace touchstone::kernels::testing
