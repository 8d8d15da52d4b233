// Products with packed factors, and attention over pages: right numbers, and the same bits however the work comes.
#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "tests/kernels/reference.hpp"

namespace touchstone::kernels::testing {
namespace {

/// 64-byte aligned memory, zeroed.
class Memory {
 public:
  explicit Memory(std::int64_t bytes)
      : bytes_(static_cast<std::size_t>((bytes + 63) / 64 * 64)), data_(std::aligned_alloc(64, bytes_)) {
    std::memset(data_, 0, bytes_);
  }
  ~Memory() { std::free(data_); }
  Memory(Memory&& other) noexcept : bytes_(other.bytes_), data_(std::exchange(other.data_, nullptr)) {}
  void* data() const { return data_; }

 private:
  std::size_t bytes_;
  void* data_;
};

struct Case {
  std::string set;
  Type factors;
};

class EverySet : public ::testing::TestWithParam<Case> {
 protected:
  const Kernels& kernels() const { return *named(GetParam().set.c_str()); }
};

using Shape = std::array<std::int64_t, 3>;

// Rows alone, and all at once, from packed and from plain factors: the same bits.
TEST_P(EverySet, PackedProductEqualsThePlainOne) {
  for (const auto& [rows, columns, depth] : {Shape{1, 40, 24}, {17, 96, 70}, {60, 33, 2500}}) {
    Numbers a(rows * depth, Type::f32, 3);
    Numbers b(columns * depth, Type::f32, 4);
    std::vector<float> plain(static_cast<std::size_t>(rows * columns)), packed(plain.size());
    Product product{rows,
                    columns,
                    depth,
                    {a.data(), depth, Type::f32, false},
                    {b.data(), depth, Type::f32, true},
                    plain.data(),
                    columns,
                    Type::f32,
                    false,
                    GetParam().factors};
    const Memory scratch(kernels().product_scratch_bytes);
    kernels().multiply(product, scratch.data());
    const Memory factors(kernels().packed_bytes(product));
    kernels().pack_factors(product, factors.data());
    for (std::int64_t row = 0; row < rows; ++row) {
      auto one = product;
      one.rows = 1;
      one.a.data = a.floats() + row * depth;
      one.c = packed.data() + row * columns;
      kernels().multiply_packed(one, factors.data(), scratch.data());
    }
    EXPECT_EQ(std::memcmp(plain.data(), packed.data(), plain.size() * sizeof(float)), 0) << rows << " " << depth;
  }
}

/// Keys, values and queries of one key head; new tokens come in pieces.
struct Sequence {
  std::int64_t tokens, heads, dim;
  Type factors;
  std::int64_t stride = (heads + 2) * dim;
  Numbers qkv{tokens * stride, Type::f32, 7};
  std::int64_t window = 0;
  double soft_cap = 0.0;

  std::vector<float> run(const Kernels& set, const std::vector<std::int64_t>& pieces) {
    std::vector<Memory> memory;
    std::vector<void*> keys, values;
    std::vector<float> out(static_cast<std::size_t>(tokens * heads * dim));
    std::int64_t past = 0;
    for (const auto piece : pieces) {
      while (static_cast<std::int64_t>(keys.size()) * page_tokens < past + piece) {
        memory.emplace_back(set.key_page_bytes(dim, factors));
        keys.push_back(memory.back().data());
        memory.emplace_back(set.value_page_bytes(dim, factors));
        values.push_back(memory.back().data());
      }
      float* const first = qkv.floats() + past * stride;
      set.page_append({piece, past, dim, factors, first + heads * dim, first + (heads + 1) * dim, stride, keys.data(),
                       values.data()});
      const PagedAttention attention{piece,
                                     past,
                                     heads,
                                     dim,
                                     factors,
                                     1.0F / std::sqrt(static_cast<float>(dim)),
                                     static_cast<float>(soft_cap),
                                     window,
                                     first,
                                     stride,
                                     keys.data(),
                                     values.data(),
                                     out.data() + past * heads * dim,
                                     heads * dim};
      const Memory scratch(set.paged_scratch_bytes(attention));
      set.paged_attention(attention, scratch.data());
      past += piece;
    }
    return out;
  }

  double expected(std::int64_t i, std::int64_t head, std::int64_t d) {
    double total = 0.0, mixed = 0.0;
    for (std::int64_t j = window > 0 ? std::max<std::int64_t>(0, i - window + 1) : 0; j <= i; ++j) {
      double score = 0.0;
      for (std::int64_t k = 0; k < dim; ++k) {
        score += double{qkv.floats()[i * stride + head * dim + k]} * double{qkv.floats()[j * stride + heads * dim + k]};
      }
      score /= std::sqrt(static_cast<double>(dim));
      const double weight = std::exp(soft_cap > 0.0 ? soft_cap * std::tanh(score / soft_cap) : score);
      total += weight;
      mixed += weight * double{qkv.floats()[j * stride + (heads + 1) * dim + d]};
    }
    return mixed / total;
  }
};

// However the tokens came into the pages, and whichever pages a window leaves out.
TEST_P(EverySet, PagedWindowsAndCaps) {
  for (const std::int64_t window : {1, 9, 64, 100}) {
    Sequence sequence{150, 2, 16, GetParam().factors};
    sequence.window = window;
    sequence.soft_cap = window == 9 ? 1.5 : 0.0;
    const auto whole = sequence.run(kernels(), {150});
    const double tolerance = GetParam().factors == Type::f32 ? 2e-6 : 1e-2;
    for (std::int64_t i = 0; i < 150; i += 7) {
      for (std::int64_t d = 0; d < 16; ++d) {
        ASSERT_NEAR(whole[static_cast<std::size_t>((i * 2 + 1) * 16 + d)], sequence.expected(i, 1, d), tolerance);
      }
    }
    EXPECT_EQ(sequence.run(kernels(), std::vector<std::int64_t>(150, 1)), whole);
    EXPECT_EQ(sequence.run(kernels(), {7, 100, 43}), whole);
  }
}

TEST_P(EverySet, PagedAttentionIsSoftmaxOfScores) {
  for (const auto& [tokens, heads, dim] : {std::tuple{1, 1, 8}, {70, 3, 16}, {131, 2, 40}}) {
    Sequence sequence{tokens, heads, dim, GetParam().factors};
    const auto out = sequence.run(kernels(), {tokens});
    const double tolerance = GetParam().factors == Type::f32 ? 2e-6 : 1e-2;
    for (std::int64_t i = 0; i < tokens; i += 13) {
      for (std::int64_t head = 0; head < heads; ++head) {
        for (std::int64_t d = 0; d < dim; ++d) {
          ASSERT_NEAR(out[static_cast<std::size_t>((i * heads + head) * dim + d)], sequence.expected(i, head, d),
                      tolerance);
        }
      }
    }
  }
}

TEST_P(EverySet, PagedAttentionDoesNotDependOnHowTokensCome) {
  Sequence sequence{150, 3, 24, GetParam().factors};
  const auto whole = sequence.run(kernels(), {150});
  EXPECT_EQ(sequence.run(kernels(), std::vector<std::int64_t>(150, 1)), whole);
  EXPECT_EQ(sequence.run(kernels(), {64, 1, 63, 22}), whole);
  EXPECT_EQ(sequence.run(kernels(), {7, 100, 43}), whole);
}

/// Pages of one key head.
struct Pages {
  const Kernels& set;
  std::int64_t dim;
  Type factors;
  std::vector<Memory> memory{};
  std::vector<void*> keys{}, values{};

  void append(std::int64_t past, std::int64_t count, const float* key, const float* value, std::int64_t stride) {
    while (static_cast<std::int64_t>(keys.size()) * page_tokens < past + count) {
      memory.emplace_back(set.key_page_bytes(dim, factors));
      keys.push_back(memory.back().data());
      memory.emplace_back(set.value_page_bytes(dim, factors));
      values.push_back(memory.back().data());
    }
    set.page_append({count, past, dim, factors, key, value, stride, keys.data(), values.data()});
  }

  /// What the last of `tokens` tokens reads with this query.
  std::vector<float> attend(std::int64_t tokens, const float* query) {
    std::vector<float> out(static_cast<std::size_t>(dim));
    const PagedAttention attention{1, tokens - 1, 1,   dim,         factors,       0.3F,       0.0F,
                                   0, query,      dim, keys.data(), values.data(), out.data(), dim};
    const Memory scratch(set.paged_scratch_bytes(attention));
    set.paged_attention(attention, scratch.data());
    return out;
  }
};

// What is left after some went, and what comes behind it, lies as if the others had never been there.
TEST_P(EverySet, KeptTokensLieAsIfTheyWereAlone) {
  constexpr std::int64_t dim = 24, tokens = 150, stride = 2 * dim;
  Numbers rows(tokens * stride, Type::f32, 11);
  const auto* const all = rows.floats();
  std::vector<std::int64_t> from;
  for (std::int64_t at = 0; at < tokens - 1; ++at) {
    if (at < 3 || at % 5 == 1 || at % 7 == 0 || at > 120) from.push_back(at);
  }
  ASSERT_GT(from.size(), 64U);
  Pages whole{kernels(), dim, GetParam().factors};
  whole.append(0, tokens - 1, all, all + dim, stride);
  const auto left = static_cast<std::int64_t>(from.size());
  kernels().page_keep({left, from.data(), dim, GetParam().factors, whole.keys.data(), whole.values.data()});
  Pages alone{kernels(), dim, GetParam().factors};
  for (std::int64_t at = 0; at < left; ++at) {
    const auto* const row = all + from[static_cast<std::size_t>(at)] * stride;
    alone.append(at, 1, row, row + dim, stride);
  }
  for (const auto count : {left, left / 2, std::int64_t{1}}) {
    EXPECT_EQ(whole.attend(count, all + 7), alone.attend(count, all + 7)) << count;
  }
  const auto* const last = all + (tokens - 1) * stride;
  whole.append(left, 1, last, last + dim, stride);
  alone.append(left, 1, last, last + dim, stride);
  EXPECT_EQ(whole.attend(left + 1, all + 7), alone.attend(left + 1, all + 7));
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto& set : sets()) {
    all.push_back({set, Type::f32});
    all.push_back({set, Type::bf16});
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(Kernels, EverySet, ::testing::ValuesIn(cases()), [](const auto& one) {
  return one.param.set + (one.param.factors == Type::f32 ? "_f32" : "_bf16");
});

}  // namespace
}  // namespace touchstone::kernels::testing
