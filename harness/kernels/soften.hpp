#pragma once
// Shared by the attention kernels: the softmax of one row, and scratch memory.
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

/// The first key that the row at `place` sees.
inline std::int64_t first_seen(std::int64_t place, std::int64_t window) {
  return window > 0 && place >= window ? place - window + 1 : 0;
}

/// How scores are transformed before the softmax.
struct Scores {
  float scale;
  float soft_cap;  ///< 0: none
};

/// Turns the scores [from, keys) of a row into e^(s - largest s), where s is the scaled and capped score, and the
/// other ones before `end` into zero. Returns the log of the sum of e^s; `total` is the sum relative to the largest
/// term.
inline float soften(float* scores, std::int64_t from, std::int64_t keys, std::int64_t end, const Scores& how,
                    float& total) {
  for (std::int64_t i = 0; i < from; ++i) scores[i] = 0.0F;
  float* const row = scores + from;
  keys -= from;
  end -= from;
  float scale = how.scale;
  if (how.soft_cap > 0.0F) {
    const float inner = how.scale / how.soft_cap;
    each(keys,
         [&](std::int64_t i, auto part) { store(how.soft_cap * tanh_of(load(row + i, part) * inner), row + i, part); });
    scale = 1.0F;
  }
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
