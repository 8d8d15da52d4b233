#pragma once
// Operands of a product in the inner loop's reading order: for each step of depth a row of `width` units.
// A unit is 32 bits: one float32 factor, or (with bfloat16 dot products) two neighbouring bfloat16 factors.
#include "harness/kernels/simd.hpp"

namespace touchstone::kernels {
namespace {

enum class Unit : std::uint8_t { f32, rounded, pair };
#if defined(__AVX512BF16__)
constexpr Unit bf16_unit = Unit::pair;
#else
constexpr Unit bf16_unit = Unit::rounded;
#endif

template <Unit unit>
constexpr std::int64_t per_unit = unit == Unit::pair ? 2 : 1;

/// Tile registers (AMX) take 16 units of depth at once, so packed operands end in zeros.
#if defined(__AMX_BF16__)
template <Unit unit>
constexpr bool in_tiles = unit == Unit::pair;
#else
template <Unit>
constexpr bool in_tiles = false;
#endif

/// Number of units of a packed row or column of `depth` factors.
template <Unit unit>
constexpr std::int64_t units_of(std::int64_t depth) {
  const std::int64_t units = (depth + per_unit<unit> - 1) / per_unit<unit>;
  return in_tiles<unit> ? round_up(units, 16) : units;
}

}  // namespace
}  // namespace touchstone::kernels

#if defined(__AVX512F__)
#include "harness/kernels/pack_avx512.hpp"
#else

namespace touchstone::kernels {
namespace {

template <Unit unit>
inline std::uint32_t unit_bits(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return unit == Unit::f32 ? bits : rounded_bits(x) & 0xffff0000U;
}
template <Unit unit>
inline std::uint32_t unit_bits(Half x) {
  return static_cast<std::uint32_t>(x.bits) << 16;
}

/// Source rows run along the depth. Packs `count` of them and pads with zeros up to `fill`.
template <Unit unit, class Element>
void pack_along(const Element* source, std::int64_t stride, std::int64_t count, std::int64_t fill, std::int64_t depth,
                std::uint32_t* to, std::int64_t width) {
  for (std::int64_t i = 0; i < fill; ++i) {
    const Element* from = source + (i < count ? i * stride : 0);
    for (std::int64_t k = 0; k < depth; ++k) to[k * width + i] = i < count ? unit_bits<unit>(from[k]) : 0;
  }
}

/// Source rows run across the depth: row k holds the factors of step k.
template <Unit unit, class Element>
void pack_across(const Element* source, std::int64_t stride, std::int64_t count, std::int64_t fill, std::int64_t depth,
                 std::uint32_t* to, std::int64_t width) {
  for (std::int64_t k = 0; k < depth; ++k) {
    const Element* __restrict from = source + k * stride;
    std::uint32_t* __restrict row = to + k * width;
    for (std::int64_t i = 0; i < count; ++i) row[i] = unit_bits<unit>(from[i]);
    for (std::int64_t i = count; i < fill; ++i) row[i] = 0;
  }
}

}  // namespace
}  // namespace touchstone::kernels
#endif
