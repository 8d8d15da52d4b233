// Causal attention over keys and values that are packed in pages. The pages have the layout that the inner loop of a
// product reads, so a new token needs no new packing of older ones.
#include "harness/kernels/entries.hpp"
#include "harness/kernels/soften.hpp"
#include "harness/kernels/tile.hpp"

namespace touchstone::kernels {
namespace {

constexpr std::int64_t query_rows = 56;  // rows of scores at a time: four tiles of 14, or seven of 8
static_assert(page_tokens % tile_columns == 0);

template <Unit unit>
constexpr std::int64_t value_units = units_of<unit>(page_tokens);

/// Writes one factor as unit `at` of a packed operand, or as one half of it.
template <Unit unit>
inline void put(std::uint32_t* units, std::int64_t at, std::int64_t half, float x) {
  if constexpr (unit == Unit::f32) {
    std::memcpy(units + at, &x, sizeof x);
  } else if constexpr (unit == Unit::rounded) {
    units[at] = rounded_bits(x) & 0xffff0000U;
  } else {
    const std::uint32_t bits = rounded_bits(x) >> 16;
    units[at] = half == 0 ? (units[at] & 0xffff0000U) | bits : (units[at] & 0xffffU) | bits << 16;
  }
}

/// Keys are the columns of a product over head_dim: [panel of keys][unit of head_dim][key].
template <Unit unit>
void put_key(std::uint32_t* page, std::int64_t token, const float* key, std::int64_t head_dim) {
  std::uint32_t* panel = page + token / tile_columns * units_of<unit>(head_dim) * tile_columns;
  for (std::int64_t i = 0; i < head_dim; ++i) {
    put<unit>(panel, i / per_unit<unit> * tile_columns + token % tile_columns, i % per_unit<unit>, key[i]);
  }
}

/// Values are the steps of a product over keys: [panel of head_dim][unit of keys][element].
template <Unit unit>
void put_value(std::uint32_t* page, std::int64_t token, const float* value, std::int64_t head_dim) {
  for (std::int64_t i = 0; i < head_dim; ++i) {
    std::uint32_t* panel = page + i / tile_columns * value_units<unit> * tile_columns;
    put<unit>(panel, token / per_unit<unit> * tile_columns + i % tile_columns, token % per_unit<unit>, value[i]);
  }
}

template <Unit unit>
void append_rows(const PageAppend& a) {
  for (std::int64_t i = 0; i < a.tokens; ++i) {
    const std::int64_t token = a.past + i;
    const std::int64_t page = token / page_tokens, place = token % page_tokens;
    put_key<unit>(static_cast<std::uint32_t*>(a.key_pages[page]), place, a.key + i * a.stride, a.head_dim);
    put_value<unit>(static_cast<std::uint32_t*>(a.value_pages[page]), place, a.value + i * a.stride, a.head_dim);
  }
}

template <Unit unit>
void move_key(const std::uint32_t* from, std::int64_t source, std::uint32_t* to, std::int64_t place,
              std::int64_t head_dim) {
  const std::int64_t width = units_of<unit>(head_dim) * tile_columns;
  from += source / tile_columns * width + source % tile_columns;
  to += place / tile_columns * width + place % tile_columns;
  for (std::int64_t i = 0; i < width; i += tile_columns) to[i] = from[i];
}

template <Unit unit>
void move_value(const std::uint32_t* from, std::int64_t source, std::uint32_t* to, std::int64_t place,
                std::int64_t head_dim) {
  for (std::int64_t i = 0; i < head_dim; ++i) {
    const std::int64_t panel = i / tile_columns * value_units<unit> * tile_columns + i % tile_columns;
    const std::uint32_t bits = from[panel + source / per_unit<unit> * tile_columns];
    std::uint32_t& unit_at = to[panel + place / per_unit<unit> * tile_columns];
    if constexpr (per_unit<unit> == 1) {
      unit_at = bits;
    } else {
      const std::uint32_t half = source % 2 == 0 ? bits & 0xffffU : bits >> 16;
      unit_at = place % 2 == 0 ? (unit_at & 0xffff0000U) | half : (unit_at & 0xffffU) | half << 16;
    }
  }
}

template <Unit unit>
void keep_rows(const PageKeep& a) {
  const auto at = [](void* const* pages, std::int64_t token) {
    return static_cast<std::uint32_t*>(pages[token / page_tokens]);
  };
  for (std::int64_t i = 0; i < a.tokens; ++i) {
    const std::int64_t source = a.from[i];
    if (source == i) continue;
    move_key<unit>(at(a.key_pages, source), source % page_tokens, at(a.key_pages, i), i % page_tokens, a.head_dim);
    move_value<unit>(at(a.value_pages, source), source % page_tokens, at(a.value_pages, i), i % page_tokens,
                     a.head_dim);
  }
}

/// Rows of one product that are packed together: tiles of nearly equal height.
template <Unit unit>
struct PackedRows {
  Rows<unit> cut;
  std::uint32_t* units;
  std::int64_t depth_units;

  PackedRows(std::int64_t rows, std::int64_t depth, std::uint32_t* memory)
      : cut(rows), units(memory), depth_units(units_of<unit>(depth)) {}

  void fill(const float* from, std::int64_t stride, std::int64_t depth) const {
    for (std::int64_t tile = 0; tile < cut.tiles; ++tile) {
      pack_a<unit, float>(true, from + cut.first(tile) * stride, stride, cut.height(tile), depth, packed(tile));
    }
  }

  /// Computes one panel of columns for all rows: c [rows, columns].
  void multiply(const std::uint32_t* panel, float* c, std::int64_t stride, std::int64_t columns,
                bool accumulate) const {
    for (std::int64_t tile = 0; tile < cut.tiles; ++tile) {
      const Tile out{c + cut.first(tile) * stride, stride, columns, Type::f32, accumulate};
      multiply_rows<unit>(cut.height(tile), packed(tile), panel, depth_units, out);
    }
  }

  std::uint32_t* packed(std::int64_t tile) const { return units + tile * depth_units * a_tile_width<unit>; }
};

/// The pages that some row of a group sees: [first, end).
struct Pages {
  std::int64_t first;
  std::int64_t end;

  std::int64_t keys() const { return (end - first) * page_tokens; }
};

/// Data of one call besides its operands.
struct Buffers {
  float* rows;    ///< [query_rows, head_dim]: queries, then outputs
  float* scores;  ///< [query_rows, keys]
  float* totals;  ///< [query_rows]
  std::uint32_t* packed;
};

template <Unit unit>
void score_rows(const PagedAttention& a, const Buffers& buffers, std::int64_t rows, const Pages& pages) {
  const PackedRows<unit> queries(rows, a.head_dim, buffers.packed);
  queries.fill(buffers.rows, a.head_dim, a.head_dim);
  const std::int64_t stride = pages.keys();
  for (std::int64_t page = pages.first; page < pages.end; ++page) {
    const auto* keys = static_cast<const std::uint32_t*>(a.key_pages[page]);
    for (std::int64_t key = 0; key < page_tokens; key += tile_columns, keys += queries.depth_units * tile_columns) {
      queries.multiply(keys, buffers.scores + (page - pages.first) * page_tokens + key, stride, tile_columns, false);
    }
  }
}

template <Unit unit>
void mix_rows(const PagedAttention& a, const Buffers& buffers, std::int64_t rows, const Pages& pages) {
  const PackedRows<unit> weights(rows, page_tokens, buffers.packed);
  const std::int64_t stride = pages.keys();
  for (std::int64_t page = pages.first; page < pages.end; ++page) {
    weights.fill(buffers.scores + (page - pages.first) * page_tokens, stride, page_tokens);
    const auto* values = static_cast<const std::uint32_t*>(a.value_pages[page]);
    for (std::int64_t i = 0; i < a.head_dim; i += tile_columns, values += value_units<unit> * tile_columns) {
      weights.multiply(values, buffers.rows + i, a.head_dim, smaller(tile_columns, a.head_dim - i), page > pages.first);
    }
  }
}

/// Tokens [first, first + count) of the new ones, all heads: row (token, head).
template <Unit unit>
void attend(const PagedAttention& a, const Buffers& buffers, std::int64_t first, std::int64_t count) {
  const std::int64_t rows = count * a.heads;
  // Keys that a row does not see have weight zero, so a page more or less at the beginning does not change a bit.
  const Pages pages{first_seen(a.past + first, a.window) / page_tokens,
                    (a.past + first + count + page_tokens - 1) / page_tokens};
  const std::int64_t stride = pages.keys();
  const std::int64_t skipped = pages.first * page_tokens;
  const auto width = static_cast<std::size_t>(a.heads * a.head_dim) * sizeof(float);
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(buffers.rows + i * a.heads * a.head_dim, a.q + (first + i) * a.stride, width);
  }
  score_rows<unit>(a, buffers, rows, pages);
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t place = a.past + first + row / a.heads;
    soften(buffers.scores + row * stride, first_seen(place, a.window) - skipped, place + 1 - skipped, stride,
           {a.scale, a.soft_cap}, buffers.totals[row]);
  }
  mix_rows<unit>(a, buffers, rows, pages);
  for (std::int64_t row = 0; row < rows; ++row) {
    float* to = a.out + (first + row / a.heads) * a.out_stride + row % a.heads * a.head_dim;
    write(buffers.rows + row * a.head_dim, a.head_dim, 1.0F / buffers.totals[row], to);
  }
}

/// Tokens whose rows are worked on together.
std::int64_t tokens_at_once(std::int64_t heads) { return heads >= query_rows ? 1 : query_rows / heads; }

std::int64_t rows_at_once(const PagedAttention& a) { return tokens_at_once(a.heads) * a.heads; }

/// Of `rows` rows of A over `depth`.
template <Unit unit>
std::int64_t packed_units(std::int64_t rows, std::int64_t depth) {
  return Rows<unit>(rows).tiles * a_tile_width<unit> * units_of<unit>(depth);
}

template <Unit unit>
void attend_all(const PagedAttention& a, void* memory) {
  Scratch scratch(memory);
  const std::int64_t rows = rows_at_once(a);
  const std::int64_t keys = round_up(a.past + a.tokens, page_tokens);
  const Buffers buffers{scratch.floats(rows * a.head_dim), scratch.floats(rows * keys), scratch.floats(rows),
                        static_cast<std::uint32_t*>(scratch.rest())};
  const std::int64_t step = tokens_at_once(a.heads);
  const TileRegisters<unit> registers;
  for (std::int64_t first = 0; first < a.tokens; first += step) {
    attend<unit>(a, buffers, first, smaller(step, a.tokens - first));
  }
}

}  // namespace

namespace TOUCHSTONE_ISA {

std::int64_t key_page_bytes(std::int64_t head_dim, Type factors) {
  const std::int64_t units = factors == Type::f32 ? units_of<Unit::f32>(head_dim) : units_of<bf16_unit>(head_dim);
  return 4 * units * page_tokens;
}

std::int64_t value_page_bytes(std::int64_t head_dim, Type factors) {
  const std::int64_t units = factors == Type::f32 ? value_units<Unit::f32> : value_units<bf16_unit>;
  return 4 * units * round_up(head_dim, tile_columns);
}

void page_append(const PageAppend& append) {
  if (append.factors == Type::f32) {
    append_rows<Unit::f32>(append);
  } else {
    append_rows<bf16_unit>(append);
  }
}

void page_keep(const PageKeep& keep) {
  if (keep.factors == Type::f32) {
    keep_rows<Unit::f32>(keep);
  } else {
    keep_rows<bf16_unit>(keep);
  }
}

std::int64_t paged_scratch_bytes(const PagedAttention& a) {
  const std::int64_t rows = rows_at_once(a);
  const std::int64_t keys = round_up(a.past + a.tokens, page_tokens);
  const std::int64_t depth = a.head_dim > page_tokens ? a.head_dim : page_tokens;
  const std::int64_t packed =
      a.factors == Type::f32 ? packed_units<Unit::f32>(rows, depth) : packed_units<bf16_unit>(rows, depth);
  return 4 * (rows * (a.head_dim + keys + 1) + packed) + 256;
}

void paged_attention(const PagedAttention& attention, void* scratch) {
  if (attention.factors == Type::f32) {
    attend_all<Unit::f32>(attention, scratch);
  } else {
    attend_all<bf16_unit>(attention, scratch);
  }
}

}  // namespace TOUCHSTONE_ISA
}  // namespace touchstone::kernels
