// Matrix products: operands are packed into tiles (Goto and van de Geijn, Anatomy of High-Performance Matrix
// Multiplication, ACM TOMS 34(3), 2008), the inner loop keeps a tile of C in registers.
#include "harness/kernels/entries.hpp"
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
constexpr std::int64_t tile_group = 4;           // tiles of A packed together
constexpr std::int64_t depth_block = 1024;       // units
constexpr std::int64_t b_units = 128 * 1024;     // of packed B: half a megabyte, to stay in the second-level cache

template <Unit unit>
inline Vec multiply_add(std::uint32_t a, Vec b, Vec c) {
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

inline const void* offset(const Operand& operand, std::int64_t i, std::int64_t j) {
  const std::int64_t at = operand.transposed ? j * operand.stride + i : i * operand.stride + j;
  if (operand.type == Type::f32) return static_cast<const float*>(operand.data) + at;
  return static_cast<const Half*>(operand.data) + at;
}

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

/// Packs columns [j, j + count) of B over `depth` from step k on, panel by panel.
template <Unit unit>
void pack_b(const Product& p, std::int64_t k, std::int64_t depth, std::int64_t j, std::int64_t count,
            std::uint32_t* to) {
  const std::int64_t units = (depth + per_unit<unit> - 1) / per_unit<unit>;
  for (std::int64_t at = 0; at < count; at += tile_columns, to += units * tile_columns) {
    const std::int64_t columns = smaller(tile_columns, count - at);
    if (!p.b.transposed) {
      pack<unit>(p.b, false, offset(p.b, k, j + at), columns, tile_columns, depth, to, tile_columns);
      continue;
    }
    for (std::int64_t part = 0; part < tile_columns; part += 16) {
      const std::int64_t width = smaller(16, tile_columns - part);
      const std::int64_t here = columns > part ? smaller(width, columns - part) : 0;
      const void* source = here > 0 ? offset(p.b, k, j + at + part) : p.b.data;
      pack<unit>(p.b, true, source, here, width, depth, to + part, tile_columns);
    }
  }
}

/// How the rows of C are cut: tiles of nearly equal height, at most tile_rows.
struct Rows {
  std::int64_t rows;
  std::int64_t tiles;
  std::int64_t first(std::int64_t tile) const { return tile * rows / tiles; }
};

template <Unit unit>
void multiply_block(const Product& p, std::int64_t k, std::int64_t depth, std::int64_t j, std::int64_t columns,
                    std::uint32_t* packed_b, std::uint32_t* packed_a) {
  const std::int64_t units = (depth + per_unit<unit> - 1) / per_unit<unit>;
  pack_b<unit>(p, k, depth, j, columns, packed_b);
  const Rows cut{p.rows, (p.rows + tile_rows - 1) / tile_rows};
  const std::int64_t element = p.c_type == Type::f32 ? 4 : 2;
  for (std::int64_t group = 0; group < cut.tiles; group += tile_group) {
    const std::int64_t end = smaller(group + tile_group, cut.tiles);
    for (std::int64_t tile = group; tile < end; ++tile) {
      const std::int64_t i = cut.first(tile);
      pack<unit>(p.a, !p.a.transposed, offset(p.a, i, k), cut.first(tile + 1) - i, a_width, depth,
                 packed_a + (tile - group) * units * a_width, a_width);
    }
    for (std::int64_t tile = group; tile < end; ++tile) {
      const std::int64_t i = cut.first(tile);
      const TileFunction run = tile_function<unit>(cut.first(tile + 1) - i);
      for (std::int64_t at = 0; at < columns; at += tile_columns) {
        const Tile out{static_cast<char*>(p.c) + (i * p.c_stride + j + at) * element, p.c_stride,
                       smaller(tile_columns, columns - at), p.c_type, p.accumulate || k > 0};
        run(packed_a + (tile - group) * units * a_width, packed_b + at * units, units, out);
      }
    }
  }
}

template <Unit unit>
void multiply_units(const Product& p, std::uint32_t* scratch) {
  constexpr std::int64_t block = depth_block * per_unit<unit>;
  const std::int64_t units = smaller(depth_block, (p.depth + per_unit<unit> - 1) / per_unit<unit>);
  const std::int64_t columns = b_units / round_up(units, 16) / tile_columns * tile_columns;
  for (std::int64_t k = 0; k < p.depth; k += block) {
    const std::int64_t depth = smaller(block, p.depth - k);
    for (std::int64_t j = 0; j < p.columns; j += columns) {
      multiply_block<unit>(p, k, depth, j, smaller(columns, p.columns - j), scratch, scratch + b_units);
    }
  }
}

}  // namespace

namespace TOUCHSTONE_ISA {

const std::int64_t whole_depth = depth_block * per_unit<bf16_unit>;
const std::int64_t product_scratch_bytes = 4 * (b_units + tile_group * depth_block * a_width);

void multiply(const Product& product, void* scratch) {
  auto* units = static_cast<std::uint32_t*>(scratch);
  if (product.factors == Type::f32) {
    multiply_units<Unit::f32>(product, units);
  } else {
    multiply_units<bf16_unit>(product, units);
  }
}

}  // namespace TOUCHSTONE_ISA
}  // namespace touchstone::kernels
