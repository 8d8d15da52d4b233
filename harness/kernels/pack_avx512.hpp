#pragma once
// Packing with 512-bit registers. Included by pack.hpp alone.
#include <immintrin.h>

#include "harness/kernels/simd.hpp"

namespace touchstone::kernels {
namespace {

inline std::uint32_t mask_of(std::int64_t count) {
  return count >= 32 ? 0xffffffffU : count <= 0 ? 0U : (1U << count) - 1U;
}

/// Rounded to bfloat16, in the upper halves.
inline __m512i round_upper(__m512 x) {
  const __m512i bits = _mm512_castps_si512(x);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i up = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
  const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
  const __m512i kept = _mm512_mask_or_epi32(up, nan, bits, _mm512_set1_epi32(0x400000));
  return _mm512_and_si512(kept, _mm512_set1_epi32(static_cast<int>(0xffff0000U)));
}

/// 16 factors as the upper halves (or the whole) of units.
template <Unit unit>
inline __m512i load_upper(const float* from, std::uint32_t mask) {
  const __m512 x = _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), from);
  return unit == Unit::f32 ? _mm512_castps_si512(x) : round_upper(x);
}
template <Unit unit>
inline __m512i load_upper(const Half* from, std::uint32_t mask) {
  const __m256i bits = _mm256_maskz_loadu_epi16(static_cast<__mmask16>(mask), from);
  return _mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16);
}

/// 16 units of one source row with `elements` elements left; units beyond them are zero.
template <Unit unit>
inline __m512i load_along(const float* from, std::int64_t elements) {
#if defined(__AVX512BF16__)
  if constexpr (unit == Unit::pair) {
    const std::uint32_t mask = mask_of(elements);
    const __m512 low = _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), from);
    const __m512 high = _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask >> 16), from + 16);
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
  }
#endif
  return load_upper<unit>(from, mask_of(elements));
}
template <Unit unit>
inline __m512i load_along(const Half* from, std::int64_t elements) {
  if constexpr (unit == Unit::pair) return _mm512_maskz_loadu_epi16(mask_of(elements), from);
  return load_upper<unit>(from, mask_of(elements));
}

/// 16 units with their first factors at `low` and their second ones at `high` (for pairs only; null: zero).
template <Unit unit, class Element>
inline __m512i load_across(const Element* low, const Element* high, std::uint32_t mask) {
  if constexpr (unit != Unit::pair) return load_upper<unit>(low, mask);
  const __m512i first = _mm512_srli_epi32(load_upper<unit>(low, mask), 16);
  return high == nullptr ? first : _mm512_or_si512(first, load_upper<unit>(high, mask));
}

/// Transposes a block of 16 x 16 units.
inline void transpose(__m512i (&r)[16]) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

/// Source rows run along the depth. Packs `count` of them, 16 at most, and fills up to 16 with zeros.
template <Unit unit, class Element>
void pack_along(const Element* source, std::int64_t stride, std::int64_t count, std::int64_t, std::int64_t depth,
                std::uint32_t* to, std::int64_t width) {
  constexpr std::int64_t step = per_unit<unit>;
  const std::int64_t units = units_of<unit>(depth);
  for (std::int64_t done = 0; done < units; done += 16) {
    __m512i block[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      block[i] =
          i < count ? load_along<unit>(source + i * stride + done * step, depth - done * step) : _mm512_setzero_si512();
    }
    transpose(block);
    const std::int64_t here = smaller(16, units - done);
    for (int i = 0; i < here; ++i) _mm512_storeu_si512(to + (done + i) * width, block[i]);
  }
}

/// Source rows run across the depth: row k holds the factors of step k. Packs `count` of them, `fill` at most.
template <Unit unit, class Element>
void pack_across(const Element* source, std::int64_t stride, std::int64_t count, std::int64_t fill, std::int64_t depth,
                 std::uint32_t* to, std::int64_t width) {
  constexpr std::int64_t step = per_unit<unit>;
  for (std::int64_t part = 0; part < fill; part += 16) {
    const std::uint32_t mask = mask_of(smaller(16, count - part));
    const Element* low = source + part;
    std::uint32_t* row = to + part;
    for (std::int64_t k = 0; k < depth; k += step, low += step * stride, row += width) {
      const Element* high = step == 2 && k + 1 < depth ? low + stride : nullptr;
      _mm512_storeu_si512(row, load_across<unit>(low, high, mask));
    }
    for (std::int64_t k = (depth + step - 1) / step; k < units_of<unit>(depth); ++k, row += width) {
      _mm512_storeu_si512(row, _mm512_setzero_si512());
    }
  }
}

#if defined(__AMX_BF16__)
/// Rows of A for tile registers: blocks of 16 rows x 16 units, one block after another along the depth. Source rows run
/// along the depth; packs `count` of them, 16 at most, and pads with zeros up to 16.
template <class Element>
void pack_rows_along(const Element* source, std::int64_t stride, std::int64_t count, std::int64_t depth,
                     std::uint32_t* to) {
  const std::int64_t units = units_of<Unit::pair>(depth);
  for (std::int64_t done = 0; done < units; done += 16, to += 256) {
    for (std::int64_t i = 0; i < 16; ++i) {
      _mm512_store_si512(to + 16 * i, i < count
                                          ? load_along<Unit::pair>(source + i * stride + done * 2, depth - done * 2)
                                          : _mm512_setzero_si512());
    }
  }
}

/// The same where source row k holds the factors of step k.
template <class Element>
void pack_rows_across(const Element* source, std::int64_t stride, std::int64_t count, std::int64_t depth,
                      std::uint32_t* to) {
  const std::uint32_t mask = mask_of(count);
  const std::int64_t units = units_of<Unit::pair>(depth);
  for (std::int64_t done = 0; done < units; done += 16, to += 256) {
    __m512i block[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      const std::int64_t k = 2 * (done + i);
      const Element* low = source + k * stride;
      block[i] = k < depth ? load_across<Unit::pair>(low, k + 1 < depth ? low + stride : nullptr, mask)
                           : _mm512_setzero_si512();
    }
    transpose(block);
    for (int i = 0; i < 16; ++i) _mm512_store_si512(to + 16 * i, block[i]);
  }
}
#endif

}  // namespace
}  // namespace touchstone::kernels
