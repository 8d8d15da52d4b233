#include <gtest/gtest.h>

#include "tests/kernels/reference.hpp"

namespace touchstone::kernels::testing {
namespace {

struct Case {
  std::int64_t rows, columns, depth;
  bool a_transposed, b_transposed;
  Type stored, factors, c_type;
};

class Products : public ::testing::TestWithParam<std::string> {
 protected:
  const Kernels& kernels_ = *named(GetParam().c_str());
  Aligned scratch_{kernels_.product_scratch_bytes};
};

double factor(const Numbers& x, std::int64_t at, Type factors) {
  return factors == Type::f32 ? x[at] : from_bf16(to_bf16(static_cast<float>(x[at])));
}

double largest_error(const Kernels& kernels, void* scratch, const Case& c, bool accumulate) {
  const std::int64_t a_stride = (c.a_transposed ? c.rows : c.depth) + 3;
  const std::int64_t b_stride = (c.b_transposed ? c.depth : c.columns) + 1;
  Numbers a((c.a_transposed ? c.depth : c.rows) * a_stride, c.stored, 1);
  Numbers b((c.b_transposed ? c.columns : c.depth) * b_stride, c.stored, 2);
  const std::int64_t c_stride = c.columns + 2;
  Numbers out(c.rows * c_stride, c.c_type, 3);
  const Numbers before = out;
  kernels.multiply({c.rows,
                    c.columns,
                    c.depth,
                    {a.data(), a_stride, c.stored, c.a_transposed},
                    {b.data(), b_stride, c.stored, c.b_transposed},
                    out.data(),
                    c_stride,
                    c.c_type,
                    accumulate,
                    c.factors},
                   scratch);
  double error = 0.0;
  for (std::int64_t i = 0; i < c.rows; ++i) {
    for (std::int64_t j = 0; j < c_stride; ++j) {
      double sum = accumulate || j >= c.columns ? before[i * c_stride + j] : 0.0;  // beyond the columns: untouched
      for (std::int64_t k = 0; k < c.depth && j < c.columns; ++k) {
        sum += factor(a, c.a_transposed ? k * a_stride + i : i * a_stride + k, c.factors) *
               factor(b, c.b_transposed ? j * b_stride + k : k * b_stride + j, c.factors);
      }
      error = std::max(error, std::abs(sum - out[i * c_stride + j]) / (1.0 + std::abs(sum)));
    }
  }
  return error;
}

TEST_P(Products, EqualThoseInDoublePrecision) {
  for (const auto& [rows, columns, depth] :
       {std::array<std::int64_t, 3>{1, 1, 1}, {5, 33, 7}, {14, 32, 16}, {15, 31, 17}, {64, 70, 65}, {29, 5, 200}}) {
    for (int bits = 0; bits < 16; ++bits) {
      const bool half = (bits & 4) != 0;
      const Case c{rows,
                   columns,
                   depth,
                   (bits & 1) != 0,
                   (bits & 2) != 0,
                   half ? Type::bf16 : Type::f32,
                   (bits & 8) != 0 || half ? Type::bf16 : Type::f32,
                   Type::f32};
      EXPECT_LT(largest_error(kernels_, scratch_.data(), c, (bits & 1) == 0), 3e-5)
          << rows << "x" << columns << "x" << depth << " case " << bits;
    }
  }
}

TEST_P(Products, CrossTheBlocksOfDepthAndColumns) {
  EXPECT_LT(
      largest_error(kernels_, scratch_.data(), {3, 300, 2500, false, true, Type::f32, Type::f32, Type::f32}, true),
      1e-4);
  EXPECT_LT(
      largest_error(kernels_, scratch_.data(), {3, 40, 5001, true, false, Type::f32, Type::bf16, Type::f32}, false),
      2e-4);
}

TEST_P(Products, RoundOnceWhenWrittenAsBfloat16) {
  EXPECT_LT(
      largest_error(kernels_, scratch_.data(), {20, 37, 90, false, true, Type::bf16, Type::bf16, Type::bf16}, false),
      4e-3);
}

// What evaluation relies on: a row's result depends neither on the other rows nor on where it stands.
TEST_P(Products, GiveARowTheSameBitsInEveryCompany) {
  const std::int64_t depth = 1300, columns = 50, rows = 40;
  for (const Type factors : {Type::f32, Type::bf16}) {
    Numbers a(rows * depth, Type::f32, 4), b(columns * depth, Type::f32, 5), all(rows * columns, Type::f32);
    Product product{rows,
                    columns,
                    depth,
                    {a.data(), depth, Type::f32, false},
                    {b.data(), depth, Type::f32, true},
                    all.data(),
                    columns,
                    Type::f32,
                    false,
                    factors};
    kernels_.multiply(product, scratch_.data());
    for (const std::int64_t count : {1, 2, 7, 13}) {
      Numbers some(count * columns, Type::f32);
      product.rows = count;
      product.a.data = a.floats() + 11 * depth;
      product.c = some.data();
      kernels_.multiply(product, scratch_.data());
      EXPECT_EQ(0, std::memcmp(some.floats(), all.floats() + 11 * columns,
                               static_cast<std::size_t>(count * columns) * sizeof(float)))
          << count << " rows";
    }
  }
}

TEST_P(Products, IgnoreZerosAtTheEndOfTheDepth) {
  const std::int64_t depth = 1501;
  Numbers a(4 * (depth + 99), Type::f32, 6), b(8 * (depth + 99), Type::f32, 7), short_sum(32, Type::f32),
      long_sum(32, Type::f32);
  for (std::int64_t i = 0; i < 4; ++i) {
    for (std::int64_t k = depth; k < depth + 99; ++k) a.floats()[i * (depth + 99) + k] = 0.0F;
  }
  Product product{4,
                  8,
                  depth,
                  {a.data(), depth + 99, Type::f32, false},
                  {b.data(), depth + 99, Type::f32, true},
                  short_sum.data(),
                  8,
                  Type::f32,
                  false,
                  Type::bf16};
  kernels_.multiply(product, scratch_.data());
  product.depth = depth + 99;
  product.c = long_sum.data();
  kernels_.multiply(product, scratch_.data());
  EXPECT_TRUE(short_sum == long_sum);
}

INSTANTIATE_TEST_SUITE_P(Sets, Products, ::testing::ValuesIn(sets()), [](const auto& set) { return set.param; });

}  // namespace
}  // namespace touchstone::kernels::testing
