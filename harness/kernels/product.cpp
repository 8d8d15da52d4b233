// Matrix products: operands are packed into tiles (Goto and van de Geijn, Anatomy of High-Performance Matrix
// Multiplication, ACM TOMS 34(3), 2008), and the inner loop keeps a tile of C in registers.
#include "harness/kernels/entries.hpp"
#include "harness/kernels/tile.hpp"

namespace touchstone::kernels {
namespace {

inline const void* offset(const Operand& operand, std::int64_t i, std::int64_t j) {
  const std::int64_t at = operand.transposed ? j * operand.stride + i : i * operand.stride + j;
  if (operand.type == Type::f32) return static_cast<const float*>(operand.data) + at;
  return static_cast<const Half*>(operand.data) + at;
}

/// Packs columns [j, j + count) of B over `depth` from step k on, panel by panel.
template <Unit unit>
void pack_b(const Product& p, std::int64_t k, std::int64_t depth, std::int64_t j, std::int64_t count,
            std::uint32_t* to) {
  const std::int64_t units = units_of<unit>(depth);
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

/// Computes columns [j, j + columns) of C over `depth` from step k on; B's part is packed already.
template <Unit unit>
void multiply_block(const Product& p, std::int64_t k, std::int64_t depth, std::int64_t j, std::int64_t columns,
                    const std::uint32_t* packed_b, std::uint32_t* packed_a) {
  const std::int64_t units = units_of<unit>(depth);
  const Rows<unit> cut(p.rows);
  const std::int64_t tile_units = units * a_tile_width<unit>;
  const std::int64_t element = p.c_type == Type::f32 ? 4 : 2;
  for (std::int64_t group = 0; group < cut.tiles; group += tile_group) {
    const std::int64_t end = smaller(group + tile_group, cut.tiles);
    // If the rows are few, they stay packed after the first columns.
    const bool packed = j > 0 && cut.tiles <= tile_group;
    for (std::int64_t tile = group; tile < end && !packed; ++tile) {
      const std::int64_t i = cut.first(tile);
      pack_a<unit>(p.a, offset(p.a, i, k), cut.height(tile), depth, packed_a + (tile - group) * tile_units);
    }
    for (std::int64_t tile = group; tile < end; ++tile) {
      const std::int64_t i = cut.first(tile);
      for (std::int64_t at = 0; at < columns; at += tile_columns) {
        const Tile out{static_cast<char*>(p.c) + (i * p.c_stride + j + at) * element, p.c_stride,
                       smaller(tile_columns, columns - at), p.c_type, p.accumulate || k > 0};
        multiply_rows<unit>(cut.height(tile), packed_a + (tile - group) * tile_units, packed_b + at * units, units,
                            out);
      }
    }
  }
}

/// Calls body(k, depth, units, before) for each block of depth; `before` counts the units of B, all columns, before it.
template <Unit unit, class Body>
void each_depth(const Product& p, const Body& body) {
  constexpr std::int64_t block = depth_block * per_unit<unit>;
  std::int64_t before = 0;
  for (std::int64_t k = 0; k < p.depth; k += block) {
    const std::int64_t depth = smaller(block, p.depth - k);
    const std::int64_t units = units_of<unit>(depth);
    body(k, depth, units, before);
    before += units * round_up(p.columns, tile_columns);
  }
}

/// `ready`: all of B packed by pack_whole; null: B is packed block by block into scratch.
template <Unit unit>
void multiply_units(const Product& p, const std::uint32_t* ready, std::uint32_t* scratch) {
  const std::int64_t most_units = smaller(depth_block, units_of<unit>(p.depth));
  const std::int64_t columns = b_units / round_up(most_units, 16) / tile_columns * tile_columns;
  const TileRegisters<unit> registers;
  each_depth<unit>(p, [&](std::int64_t k, std::int64_t depth, std::int64_t units, std::int64_t before) {
    for (std::int64_t j = 0; j < p.columns; j += columns) {
      const std::int64_t here = smaller(columns, p.columns - j);
      if (ready == nullptr) pack_b<unit>(p, k, depth, j, here, scratch);
      multiply_block<unit>(p, k, depth, j, here, ready == nullptr ? scratch : ready + before + j * units,
                           scratch + b_units);
    }
  });
}

template <Unit unit>
void pack_whole(const Product& p, std::uint32_t* to) {
  each_depth<unit>(p, [&](std::int64_t k, std::int64_t depth, std::int64_t, std::int64_t before) {
    pack_b<unit>(p, k, depth, 0, p.columns, to + before);
  });
}

template <Unit unit>
std::int64_t whole_units(const Product& p) {
  std::int64_t total = 0;
  each_depth<unit>(p, [&](std::int64_t, std::int64_t, std::int64_t units, std::int64_t before) {
    total = before + units * round_up(p.columns, tile_columns);
  });
  return total;
}

}  // namespace

namespace TOUCHSTONE_ISA {

const std::int64_t whole_depth = depth_block * per_unit<bf16_unit>;
const std::int64_t product_scratch_bytes = 4 * (b_units + tile_group * depth_block * a_tile_width<bf16_unit>);

void multiply(const Product& product, void* scratch) {
  auto* units = static_cast<std::uint32_t*>(scratch);
  if (product.factors == Type::f32) {
    multiply_units<Unit::f32>(product, nullptr, units);
  } else {
    multiply_units<bf16_unit>(product, nullptr, units);
  }
}

std::int64_t packed_bytes(const Product& product) {
  return 4 * (product.factors == Type::f32 ? whole_units<Unit::f32>(product) : whole_units<bf16_unit>(product));
}

void pack_factors(const Product& product, void* packed) {
  auto* units = static_cast<std::uint32_t*>(packed);
  if (product.factors == Type::f32) {
    pack_whole<Unit::f32>(product, units);
  } else {
    pack_whole<bf16_unit>(product, units);
  }
}

void multiply_packed(const Product& product, const void* packed, void* scratch) {
  const auto* ready = static_cast<const std::uint32_t*>(packed);
  auto* units = static_cast<std::uint32_t*>(scratch);
  if (product.factors == Type::f32) {
    multiply_units<Unit::f32>(product, ready, units);
  } else {
    multiply_units<bf16_unit>(product, ready, units);
  }
}

}  // namespace TOUCHSTONE_ISA
}  // namespace touchstone::kernels
