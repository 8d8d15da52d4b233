#pragma once
// A tile of a product with AMX's tile registers. Included only by tile.hpp.
#include <immintrin.h>

namespace touchstone::kernels {
namespace {

/// Registers 0 to 3 hold C, 32 x 32 in quarters; 4 and 5 hold rows of A; 6 and 7 hold columns of B. Each has 16 rows of
/// 64 bytes.
struct alignas(64) RegisterShapes {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
/// A constant: GCC's intrinsic names only the first eight bytes to the compiler, so a local one may be filled too late.
constexpr RegisterShapes register_shapes;

inline void configure_registers() { _tile_loadconfig(&register_shapes); }

/// C at `c` (its rows `bytes` apart) += A B, or = A B. `high`: more than 16 rows.
template <bool high>
inline void run_registers(const std::uint32_t* a, const std::uint32_t* b, std::int64_t units, float* c, long bytes,
                          bool accumulate) {
  asm volatile("" ::: "memory");  // GCC's load intrinsics do not say that they read memory
  if (accumulate) {
    _tile_loadd(0, c, bytes);
    _tile_loadd(1, c + 16, bytes);
    if constexpr (high) {
      _tile_loadd(2, reinterpret_cast<char*>(c) + 16 * bytes, bytes);
      _tile_loadd(3, reinterpret_cast<char*>(c + 16) + 16 * bytes, bytes);
    }
  } else {
    _tile_zero(0);
    _tile_zero(1);
    if constexpr (high) {
      _tile_zero(2);
      _tile_zero(3);
    }
  }
  const std::uint32_t* low_rows = a;
  const std::uint32_t* high_rows = a + 16 * units;
  for (std::int64_t k = 0; k < units; k += 16, low_rows += 256, high_rows += 256, b += 16 * tile_columns) {
    _tile_loadd(6, b, 4 * tile_columns);
    _tile_loadd(4, low_rows, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, b + 16, 4 * tile_columns);
    _tile_dpbf16ps(1, 4, 7);
    if constexpr (high) {
      _tile_loadd(5, high_rows, 64);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, c, bytes);
  _tile_stored(1, c + 16, bytes);
  if constexpr (high) {
    _tile_stored(2, reinterpret_cast<char*>(c) + 16 * bytes, bytes);
    _tile_stored(3, reinterpret_cast<char*>(c + 16) + 16 * bytes, bytes);
  }
  asm volatile("" ::: "memory");
}

inline void multiply_in_registers(std::int64_t rows, const std::uint32_t* a, const std::uint32_t* b, std::int64_t units,
                                  const Tile& tile) {
  const auto run = rows > 16 ? run_registers<true> : run_registers<false>;
  const bool whole = (rows == 16 || rows == 32) && tile.columns == tile_columns && tile.type == Type::f32;
  if (whole) {
    return run(a, b, units, static_cast<float*>(tile.c), static_cast<long>(4 * tile.stride), tile.accumulate);
  }
  // The sum of C starts as in a whole tile, so that an element's bits do not depend on its place.
  alignas(64) float buffer[register_rows * tile_columns];
  if (tile.accumulate) {
    for (std::int64_t i = 0; i < rows; ++i) {
      const float* from = static_cast<const float*>(tile.c) + i * tile.stride;
      for (std::int64_t j = 0; j < tile.columns; ++j) buffer[i * tile_columns + j] = from[j];
    }
  }
  run(a, b, units, buffer, 4 * tile_columns, tile.accumulate);
  if (tile.type == Type::f32) {
    store_tile(buffer, rows, tile.columns, static_cast<float*>(tile.c), tile.stride, false);
  } else {
    store_tile(buffer, rows, tile.columns, static_cast<Half*>(tile.c), tile.stride, false);
  }
}

}  // namespace
}  // namespace touchstone::kernels
