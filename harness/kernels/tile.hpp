#pragma once
// Tiles of a product: operands packed in the inner loop's order; the loop keeps a tile of C in registers.
#include "harness/kernels/pack.hpp"

namespace touchstone::kernels {
namespace {

#if defined(__AVX512F__)
constexpr int tile_rows = 14;
#elif defined(__AVX2__)
constexpr int tile_rows = 6;
#else
constexpr int tile_rows = 4;
#endif
constexpr int tile_columns = 2 * lanes;
constexpr int a_width = tile_rows > 8 ? 16 : 8;  // units a step in a packed tile of A
constexpr int register_rows = 2 * 16;            // of C, where tile registers hold it
constexpr int prefetch_steps = 32;
constexpr std::int64_t tile_group = 4;        // tiles of A packed together
constexpr std::int64_t depth_block = 1024;    // units
constexpr std::int64_t b_units = 128 * 1024;  // of packed B: half a megabyte, to stay in the second-level cache

template <Unit unit>
[[maybe_unused]] inline Vec multiply_add(std::uint32_t a, Vec b, Vec c) {
#if defined(__AVX512BF16__)
  if constexpr (unit == Unit::pair) {
    return (Vec)_mm512_dpbf16_ps((__m512)c, (__m512bh)_mm512_set1_epi32(static_cast<int>(a)), (__m512bh)b);
  }
#endif
  float factor;
  std::memcpy(&factor, &a, sizeof factor);
  return c + factor * b;
}

template <class Out>
inline void store_tile(const float* tile, std::int64_t rows, std::int64_t columns, Out* c, std::int64_t stride,
                       bool accumulate) {
  for (std::int64_t i = 0; i < rows; ++i) {
    Out* __restrict to = c + i * stride;
    const float* __restrict from = tile + i * tile_columns;
    if (accumulate) {
      for (std::int64_t j = 0; j < columns; ++j) narrow(widen(to[j]) + from[j], to[j]);
    } else {
      for (std::int64_t j = 0; j < columns; ++j) narrow(from[j], to[j]);
    }
  }
}

struct Tile {
  void* c;
  std::int64_t stride;
  std::int64_t columns;
  Type type;
  bool accumulate;
};

/// One tile of C: `rows` x tile_columns over `units` steps.
template <Unit unit, unsigned rows>
void multiply_tile(const std::uint32_t* a, const std::uint32_t* b, std::int64_t units, const Tile& tile) {
  Vec sum[rows][2];
#pragma GCC unroll 16
  for (unsigned i = 0; i < rows; ++i) sum[i][0] = sum[i][1] = Vec{};
  for (std::int64_t k = 0; k < units; ++k, a += a_width, b += tile_columns) {
    // If the rows are few, B comes from memory, and the processor's own prefetching stops at every page.
    __builtin_prefetch(b + prefetch_steps * tile_columns);
    if constexpr (tile_columns > 16) __builtin_prefetch(b + prefetch_steps * tile_columns + 16);
    Vec left, right;
    std::memcpy(&left, b, sizeof left);
    std::memcpy(&right, b + lanes, sizeof right);
#pragma GCC unroll 16
    for (unsigned i = 0; i < rows; ++i) {
      sum[i][0] = multiply_add<unit>(a[i], left, sum[i][0]);
      sum[i][1] = multiply_add<unit>(a[i], right, sum[i][1]);
    }
  }
  if (tile.columns == tile_columns && tile.type == Type::f32) {
#pragma GCC unroll 16
    for (unsigned i = 0; i < rows; ++i) {
      float* to = static_cast<float*>(tile.c) + static_cast<std::int64_t>(i) * tile.stride;
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        Vec value = sum[i][half];
        if (tile.accumulate) {
          Vec before;
          std::memcpy(&before, to + half * lanes, sizeof before);
          value = before + value;
        }
        std::memcpy(to + half * lanes, &value, sizeof value);
      }
    }
    return;
  }
  alignas(64) float buffer[rows * static_cast<unsigned>(tile_columns)];
#pragma GCC unroll 16
  for (unsigned i = 0; i < rows; ++i) {
    std::memcpy(buffer + i * static_cast<unsigned>(tile_columns), &sum[i][0], sizeof(Vec));
    std::memcpy(buffer + i * static_cast<unsigned>(tile_columns) + lanes, &sum[i][1], sizeof(Vec));
  }
  if (tile.type == Type::f32) {
    store_tile(buffer, rows, tile.columns, static_cast<float*>(tile.c), tile.stride, tile.accumulate);
  } else {
    store_tile(buffer, rows, tile.columns, static_cast<Half*>(tile.c), tile.stride, tile.accumulate);
  }
}

using TileFunction = void (*)(const std::uint32_t*, const std::uint32_t*, std::int64_t, const Tile&);

template <Unit unit, unsigned... rows>
struct TileFunctions {
  static constexpr TileFunction table[] = {multiply_tile<unit, rows>...};
};
template <Unit unit>
TileFunction tile_function(std::int64_t rows) {
#if defined(__AVX512F__)
  return TileFunctions<unit, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14>::table[rows - 1];
#elif defined(__AVX2__)
  return TileFunctions<unit, 1, 2, 3, 4, 5, 6>::table[rows - 1];
#else
  return TileFunctions<unit, 1, 2, 3, 4>::table[rows - 1];
#endif
}

}  // namespace
}  // namespace touchstone::kernels

#if defined(__AMX_BF16__)
#include "harness/kernels/tile_amx.hpp"
#endif

namespace touchstone::kernels {
namespace {

/// Packs `count` rows of A (or columns of B, with `along` the other way round) over `depth` from `source` on.
template <Unit unit, class Element>
void pack(bool along, const void* source, std::int64_t stride, std::int64_t count, std::int64_t fill,
          std::int64_t depth, std::uint32_t* to, std::int64_t width) {
  const auto* elements = static_cast<const Element*>(source);
  if (along) {
    pack_along<unit>(elements, stride, count, fill, depth, to, width);
  } else {
    pack_across<unit>(elements, stride, count, fill, depth, to, width);
  }
}
template <Unit unit>
void pack(const Operand& operand, bool along, const void* source, std::int64_t count, std::int64_t fill,
          std::int64_t depth, std::uint32_t* to, std::int64_t width) {
  if (operand.type == Type::f32) {
    pack<unit, float>(along, source, operand.stride, count, fill, depth, to, width);
  } else {
    pack<unit, Half>(along, source, operand.stride, count, fill, depth, to, width);
  }
}

/// How the rows of C are split: into tiles of nearly equal height, at most tile_rows; with tile registers into whole
/// tiles and a rest.
template <Unit unit>
struct Rows {
  explicit Rows(std::int64_t count) : rows(count), tiles((count + most - 1) / most) {}

  static constexpr std::int64_t most = in_tiles<unit> ? register_rows : tile_rows;
  std::int64_t rows;
  std::int64_t tiles;

  std::int64_t first(std::int64_t tile) const {
    return in_tiles<unit> ? smaller(rows, tile * most) : tile * rows / tiles;
  }
  std::int64_t height(std::int64_t tile) const { return first(tile + 1) - first(tile); }
};

/// Units of a packed tile of A for each unit of depth.
template <Unit unit>
constexpr std::int64_t a_tile_width = in_tiles<unit> ? register_rows : a_width;

/// Packs `rows` rows of A, at most those of a tile. `along`: source rows run along the depth.
template <Unit unit, class Element>
void pack_a(bool along, const void* source, std::int64_t stride, std::int64_t rows, std::int64_t depth,
            std::uint32_t* to) {
#if defined(__AMX_BF16__)
  if constexpr (in_tiles<unit>) {
    const auto* elements = static_cast<const Element*>(source);
    for (std::int64_t half = 0; half < rows; half += 16, to += 16 * units_of<unit>(depth)) {
      const std::int64_t count = smaller(16, rows - half);
      if (along) {
        pack_rows_along(elements + half * stride, stride, count, depth, to);
      } else {
        pack_rows_across(elements + half, stride, count, depth, to);
      }
    }
    return;
  }
#endif
  pack<unit, Element>(along, source, stride, rows, a_width, depth, to, a_width);
}
template <Unit unit>
void pack_a(const Operand& operand, const void* source, std::int64_t rows, std::int64_t depth, std::uint32_t* to) {
  if (operand.type == Type::f32) {
    pack_a<unit, float>(!operand.transposed, source, operand.stride, rows, depth, to);
  } else {
    pack_a<unit, Half>(!operand.transposed, source, operand.stride, rows, depth, to);
  }
}

/// While it lives, this thread's tile registers are configured for multiply_rows.
template <Unit unit>
class TileRegisters {
 public:
  TileRegisters() {
#if defined(__AMX_BF16__)
    if constexpr (in_tiles<unit>) configure_registers();
#endif
  }
  ~TileRegisters() {
#if defined(__AMX_BF16__)
    if constexpr (in_tiles<unit>) _tile_release();
#endif
  }
  TileRegisters(const TileRegisters&) = delete;
  TileRegisters& operator=(const TileRegisters&) = delete;
};

/// One tile of C, `rows` high, over `units` steps of packed factors.
template <Unit unit>
void multiply_rows(std::int64_t rows, const std::uint32_t* a, const std::uint32_t* b, std::int64_t units,
                   const Tile& tile) {
#if defined(__AMX_BF16__)
  if constexpr (in_tiles<unit>) return multiply_in_registers(rows, a, b, units, tile);
#endif
  tile_function<unit>(rows)(a, b, units, tile);
}

}  // namespace
}  // namespace touchstone::kernels
