#include <gtest/gtest.h>

#include "tests/kernels/reference.hpp"

namespace touchstone::kernels::testing {
namespace {

/// One document: query heads of one key head, in memory as a model keeps them.
struct Document {
  std::int64_t tokens, heads, dim;
  Type type;
  std::int64_t stride = (heads + 2) * dim;
  Numbers qkv{tokens * stride, type, 1};
  Numbers out{tokens * heads * dim, type};
  Numbers log_sum{tokens * heads, Type::f32};
  Numbers d_out{tokens * heads * dim, type, 2};
  Numbers d_qkv{tokens * stride, type};
  double scale = 1.0 / std::sqrt(static_cast<double>(dim));
  double soft_cap = 0.0;
  std::int64_t window = 0;

  void* at(Numbers& x, std::int64_t elements) const {
    return static_cast<char*>(x.data()) + elements * (type == Type::f32 ? 4 : 2);
  }
  Attention attention() {
    Attention a{tokens, heads, dim, type, static_cast<float>(scale), static_cast<float>(soft_cap), window};
    a.q = qkv.data();
    a.k = at(qkv, heads * dim);
    a.v = at(qkv, (heads + 1) * dim);
    a.stride = stride;
    a.out = out.data();
    a.out_stride = heads * dim;
    a.log_sum = log_sum.floats();
    a.log_sum_stride = heads;
    a.d_out = d_out.data();
    a.d_q = d_qkv.data();
    a.d_k = at(d_qkv, heads * dim);
    a.d_v = at(d_qkv, (heads + 1) * dim);
    return a;
  }
  double q(std::int64_t i, std::int64_t head, std::int64_t d) const { return qkv[i * stride + head * dim + d]; }
  double k(std::int64_t j, std::int64_t d) const { return qkv[j * stride + heads * dim + d]; }
  double v(std::int64_t j, std::int64_t d) const { return qkv[j * stride + (heads + 1) * dim + d]; }
};

/// The same in double precision; gradients by the formulas of softmax(q k^T) v.
struct Reference {
  std::vector<double> out, d_qkv;
  explicit Reference(const Document& x)
      : out(static_cast<std::size_t>(x.tokens * x.heads * x.dim)),
        d_qkv(static_cast<std::size_t>(x.tokens * x.stride)) {
    for (std::int64_t head = 0; head < x.heads; ++head) {
      for (std::int64_t i = 0; i < x.tokens; ++i) row(x, head, i);
    }
  }
  void row(const Document& x, std::int64_t head, std::int64_t i) {
    std::vector<double> p(static_cast<std::size_t>(i + 1)), d_p(p.size()), slope(p.size());
    double total = 0.0, mean = 0.0;
    const std::int64_t from = x.window > 0 ? std::max<std::int64_t>(0, i - x.window + 1) : 0;
    for (std::int64_t j = from; j <= i; ++j) {
      double score = 0.0;
      for (std::int64_t d = 0; d < x.dim; ++d) score += x.q(i, head, d) * x.k(j, d);
      const double bent = x.soft_cap > 0.0 ? std::tanh(score * x.scale / x.soft_cap) : 0.0;
      slope[static_cast<std::size_t>(j)] = x.scale * (1.0 - bent * bent);
      total += p[static_cast<std::size_t>(j)] = std::exp(x.soft_cap > 0.0 ? x.soft_cap * bent : score * x.scale);
    }
    for (std::int64_t j = from; j <= i; ++j) {
      const auto at = static_cast<std::size_t>(j);
      p[at] /= total;
      for (std::int64_t d = 0; d < x.dim; ++d) {
        const double d_out = x.d_out[(i * x.heads + head) * x.dim + d];
        out[static_cast<std::size_t>((i * x.heads + head) * x.dim + d)] += p[at] * x.v(j, d);
        d_qkv[static_cast<std::size_t>(j * x.stride + (x.heads + 1) * x.dim + d)] += p[at] * d_out;
        d_p[at] += d_out * x.v(j, d);
      }
      mean += p[at] * d_p[at];
    }
    for (std::int64_t j = from; j <= i; ++j) {
      const auto at = static_cast<std::size_t>(j);
      const double d_score = p[at] * (d_p[at] - mean) * slope[at];
      for (std::int64_t d = 0; d < x.dim; ++d) {
        d_qkv[static_cast<std::size_t>(i * x.stride + head * x.dim + d)] += d_score * x.k(j, d);
        d_qkv[static_cast<std::size_t>(j * x.stride + x.heads * x.dim + d)] += d_score * x.q(i, head, d);
      }
    }
  }
};

class AttentionKernel : public ::testing::TestWithParam<std::string> {
 protected:
  void run(Document& document) const {
    const Attention a = document.attention();
    Aligned scratch(kernels_.attention_scratch_bytes(a));
    kernels_.attention_forward(a, scratch.data());
    kernels_.attention_backward(a, scratch.data());
  }
  const Kernels& kernels_ = *named(GetParam().c_str());
};

double relative(const Numbers& found, const std::vector<double>& wanted) {
  double error = 0.0, size = 0.0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    error = std::max(error, std::abs(found[static_cast<std::int64_t>(i)] - wanted[i]));
    size = std::max(size, std::abs(wanted[i]));
  }
  return error / size;
}

TEST_P(AttentionKernel, EqualsTheFormulasInDoublePrecision) {
  for (const std::int64_t tokens : {1, 63, 64, 65, 131}) {
    for (const Type type : {Type::f32, Type::bf16}) {
      Document document{tokens, tokens == 65 ? 3 : 1, tokens == 63 ? 20 : 16, type};
      run(document);
      const Reference reference(document);
      EXPECT_LT(relative(document.out, reference.out), type == Type::f32 ? 1e-5 : 2e-2) << tokens;
      EXPECT_LT(relative(document.d_qkv, reference.d_qkv), type == Type::f32 ? 1e-5 : 2e-2) << tokens;
    }
  }
}

TEST_P(AttentionKernel, WindowsAndCapsEqualTheFormulasInDoublePrecision) {
  for (const std::int64_t window : {1, 5, 64, 100}) {
    for (const double soft_cap : {0.0, 1.5}) {
      for (const Type type : {Type::f32, Type::bf16}) {
        Document document{150, 2, 16, type};
        document.window = window;
        document.soft_cap = soft_cap;
        run(document);
        const Reference reference(document);
        EXPECT_LT(relative(document.out, reference.out), type == Type::f32 ? 1e-5 : 2e-2) << window;
        EXPECT_LT(relative(document.d_qkv, reference.d_qkv), type == Type::f32 ? 1e-5 : 2e-2) << window;
      }
    }
  }
}

// Large scores: e^score alone would overflow.
TEST_P(AttentionKernel, SurvivesLargeScores) {
  Document document{80, 1, 16, Type::f32};
  for (std::int64_t i = 0; i < document.qkv.size(); ++i) document.qkv.floats()[i] *= 100.0F;
  run(document);
  for (std::int64_t i = 0; i < document.out.size(); ++i) ASSERT_TRUE(std::isfinite(document.out[i]));
  for (std::int64_t i = 0; i < document.d_qkv.size(); ++i) ASSERT_TRUE(std::isfinite(document.d_qkv[i]));
}

// A prefix of a document gives the bits of the whole one: nothing depends on what comes after.
TEST_P(AttentionKernel, RowsDoNotDependOnWhatFollows) {
  for (const Type type : {Type::f32, Type::bf16}) {
    Document whole{150, 2, 16, type}, prefix{101, 2, 16, type};
    run(whole);
    run(prefix);
    for (std::int64_t i = 0; i < prefix.out.size(); ++i) ASSERT_EQ(prefix.out[i], whole.out[i]) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Sets, AttentionKernel, ::testing::ValuesIn(sets()), [](const auto& set) { return set.param; });

}  // namespace
}  // namespace touchstone::kernels::testing
