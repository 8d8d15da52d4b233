#pragma once
// Shared by the kernel sources: vectors of the instruction set that the file is compiled for, and bfloat16. All of
// it is internal to the including source file, which is compiled several times.
#include <math.h>  // not <cmath>, whose overloads are inline functions

#include <cstdint>
#include <cstring>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "harness/kernels/kernels.hpp"

namespace touchstone::kernels {
namespace {

#if defined(__AVX512F__)
constexpr int lanes = 16;
#elif defined(__AVX2__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif

using Vec [[gnu::vector_size(lanes * 4), gnu::may_alias]] = float;
using Bits [[gnu::vector_size(lanes * 4), gnu::may_alias]] = std::uint32_t;
using Whole [[gnu::vector_size(lanes * 4), gnu::may_alias]] = std::int32_t;
using Shorts [[gnu::vector_size(lanes * 2), gnu::may_alias]] = std::uint16_t;

/// A stored bfloat16.
struct Half {
  std::uint16_t bits;
};

constexpr std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
constexpr std::int64_t round_up(std::int64_t x, std::int64_t to) { return (x + to - 1) / to * to; }

inline float widen(float x) { return x; }
inline float widen(Half x) {
  const std::uint32_t bits = static_cast<std::uint32_t>(x.bits) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// The bits of x rounded to the nearest bfloat16, ties to even, in the upper half; NaN stays NaN.
inline std::uint32_t rounded_bits(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const std::uint32_t rounded = bits + 0x7fffU + ((bits >> 16) & 1U);
  return (bits & 0x7fffffffU) > 0x7f800000U ? bits | 0x400000U : rounded;
}

inline void narrow(float x, float& to) { to = x; }
inline void narrow(float x, Half& to) { to.bits = static_cast<std::uint16_t>(rounded_bits(x) >> 16); }

inline Vec splat(float x) { return Vec{} + x; }

/// How many elements of a vector are valid: all, or the first `count` (the others read as zero).
struct All {};
struct Some {
  std::int64_t count;
};

inline Vec load(const float* from, All) {
  Vec x;
  std::memcpy(&x, from, sizeof x);
  return x;
}
inline Vec load(const Half* from, All) {
  Shorts x;
  std::memcpy(&x, from, sizeof x);
  return (Vec)(__builtin_convertvector(x, Bits) << 16);
}
template <class Element>
inline Vec load(const Element* from, Some some) {
  Element part[lanes] = {};
  for (std::int64_t i = 0; i < some.count; ++i) part[i] = from[i];
  return load(part, All{});
}

inline void store(Vec x, float* to, All) { std::memcpy(to, &x, sizeof x); }
inline void store(Vec x, Half* to, All) {
#if defined(__AVX512BF16__)
  const __m256bh rounded = _mm512_cvtneps_pbh((__m512)x);
  std::memcpy(to, &rounded, sizeof rounded);
#else
  const Bits bits = (Bits)x;
  const Bits up = bits + 0x7fffU + ((bits >> 16) & 1U);
  const Bits kept = (bits & 0x7fffffffU) > 0x7f800000U ? bits | 0x400000U : up;
  const Shorts rounded = __builtin_convertvector(kept >> 16, Shorts);
  std::memcpy(to, &rounded, sizeof rounded);
#endif
}
template <class Element>
inline void store(Vec x, Element* to, Some some) {
  Element part[lanes];
  store(x, part, All{});
  for (std::int64_t i = 0; i < some.count; ++i) to[i] = part[i];
}

/// Calls body(i, All{}) for each whole vector of `count` elements and body(i, Some{rest}) for the rest.
template <class Body>
inline void each(std::int64_t count, const Body& body) {
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) body(i, All{});
  if (i < count) body(i, Some{count - i});
}

inline float sum(Vec x) {
  float total = 0.0F;
  for (int i = 0; i < lanes; ++i) total += x[i];
  return total;
}
/// Zero outside of `part`.
inline Vec keep(Vec x, All) { return x; }
inline Vec keep(Vec x, Some some) {
  for (int i = 0; i < lanes; ++i) x[i] = i < some.count ? x[i] : 0.0F;
  return x;
}
/// The largest of `count` numbers, at least one.
inline float largest(const float* x, std::int64_t count) {
  Vec high = splat(x[0]);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const Vec here = load(x + i, All{});
    high = here > high ? here : high;
  }
  float most = high[0];
  for (int j = 1; j < lanes; ++j) most = high[j] > most ? high[j] : most;
  for (; i < count; ++i) most = x[i] > most ? x[i] : most;
  return most;
}

inline Vec square_root(Vec x) {
#if defined(__AVX512F__)
  return (Vec)_mm512_sqrt_ps((__m512)x);
#else
  for (int i = 0; i < lanes; ++i) x[i] = sqrtf(x[i]);
  return x;
#endif
}

/// e^x with a relative error of about 1e-7; 0 below -87, and no larger than e^88.
inline Vec exponential(Vec x) {
  const Vec low = splat(-87.0F), high = splat(88.0F);
  const auto vanishes = x < low;
  x = x > high ? high : x;
  x = vanishes ? low : x;
  const Vec scaled = x * 1.44269504F;
  const Whole power = __builtin_convertvector(scaled + (scaled < 0.0F ? splat(-0.5F) : splat(0.5F)), Whole);
  const Vec whole = __builtin_convertvector(power, Vec);
  // ln 2 in two parts; the first has few digits, so that the difference is exact.
  const Vec r = (x - whole * 0.693359375F) + whole * 2.12194440e-4F;
  // The coefficients of Cephes' expf: minimax on [-ln 2 / 2, ln 2 / 2].
  Vec p = splat(1.9875691500e-4F);
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  const Vec value = (p * r * r + r) + 1.0F;
  const Vec two_to_power = (Vec)((power + 127) << 23);
  return vanishes ? Vec{} : value * two_to_power;
}

/// With a relative error of about 3e-7. Near zero by the Taylor series, because 1 - 2 / (e^2x + 1) would cancel.
inline Vec tanh_of(Vec x) {
  const Vec far = 1.0F - 2.0F / (exponential(2.0F * x) + 1.0F);
  const Vec s = x * x;
  const Vec near = x + x * s * (-0.333333333F + s * (0.133333333F + s * (-0.0539682540F + s * 0.0218694885F)));
  const auto small = (x < 0.25F) & (x > -0.25F);
  return small ? near : far;
}

}  // namespace
}  // namespace touchstone::kernels
