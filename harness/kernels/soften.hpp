#pragma once
// What the attention kernels share: the softmax of one row, and scratch memory.
#include "harness/kernels/simd.hpp"

namespace touchstone::kernels {
namespace {

/// Scratch memory, cut into pieces that begin at cache lines.
class Scratch {
 public:
  explicit Scratch(void* memory) : at_(static_cast<char*>(memory)) {}
  float* floats(std::int64_t count) {
    auto* piece = reinterpret_cast<float*>(at_);
    at_ += round_up(count * 4, 64);
    return piece;
  }
  void* rest() const { return at_; }

 private:
  char* at_;
};

inline const void* move(const void* data, Type type, std::int64_t elements) {
  return static_cast<const char*>(data) + elements * (type == Type::f32 ? 4 : 2);
}
inline void* move(void* data, Type type, std::int64_t elements) {
  return static_cast<char*>(data) + elements * (type == Type::f32 ? 4 : 2);
}

template <class Element>
void write(const float* from, std::int64_t count, float scale, Element* to) {
  each(count, [&](std::int64_t i, auto part) { store(load(from + i, part) * scale, to + i, part); });
}
inline void write(const float* from, std::int64_t count, float scale, Type type, void* to) {
  if (type == Type::f32) {
    write(from, count, scale, static_cast<float*>(to));
  } else {
    write(from, count, scale, static_cast<Half*>(to));
  }
}

/// Turns the first `keys` scores of a row into e^(scale (score - largest)), the rest up to `end` into zero. Gives the
/// log of the sum of e^(scale score), and the sum itself relative to the largest in `total`.
inline float soften(float* row, std::int64_t keys, std::int64_t end, float scale, float& total) {
  const float most = largest(row, keys);
  Vec sums{};
  each(keys, [&](std::int64_t i, auto part) {
    const Vec e = exponential((load(row + i, part) - most) * scale);
    store(e, row + i, part);
    sums += keep(e, part);
  });
  for (std::int64_t i = keys; i < end; ++i) row[i] = 0.0F;
  total = sum(sums);
  return most * scale + logf(total);
}

}  // namespace
}  // namespace touchstone::kernels
