// Causal attention of one document, by tiles of query rows (backward: Dao et al., arXiv 2205.14135, appendix B.4,
// with whole rows of scores instead of blocks). A row's result depends only on its own keys: neither on the document's
// length nor on the row's tile.
#include "harness/kernels/entries.hpp"
#include "harness/kernels/soften.hpp"

namespace touchstone::kernels {
namespace {

constexpr std::int64_t query_rows = 64;

struct View {
  const void* data;
  std::int64_t stride;
  Type type;
};

/// One query head of the document and the operands of its products.
struct Head {
  const Attention& a;
  std::int64_t head;
  float* scores;  ///< [query_rows, keys]
  std::int64_t score_stride;
  void* product_scratch;

  View queries(std::int64_t row) const {
    return {move(a.q, a.type, row * a.stride + head * a.head_dim), a.stride, a.type};
  }
  View keys(std::int64_t row) const { return {move(a.k, a.type, row * a.stride), a.stride, a.type}; }
  View values(std::int64_t row) const { return {move(a.v, a.type, row * a.stride), a.stride, a.type}; }
  View d_out(std::int64_t row) const {
    return {move(a.d_out, a.type, row * a.out_stride + head * a.head_dim), a.out_stride, a.type};
  }
  // NOLINTNEXTLINE(readability-function-size): the arguments of a matrix product
  void multiply(std::int64_t rows, std::int64_t columns, std::int64_t depth, const View& x, bool x_transposed,
                const View& y, bool y_transposed, float* to, std::int64_t to_stride, bool accumulate) const {
    const Product product{rows,
                          columns,
                          depth,
                          {x.data, x.stride, x.type, x_transposed},
                          {y.data, y.stride, y.type, y_transposed},
                          to,
                          to_stride,
                          Type::f32,
                          accumulate,
                          a.type};
    TOUCHSTONE_ISA::multiply(product, product_scratch);
  }
};

void forward_tile(const Head& h, std::int64_t first, float* out) {
  const Attention& a = h.a;
  const std::int64_t rows = smaller(query_rows, a.tokens - first);
  const std::int64_t begin = first_seen(first, a.window);
  const std::int64_t keys = first + rows - begin;
  h.multiply(rows, keys, a.head_dim, h.queries(first), false, h.keys(begin), true, h.scores, h.score_stride, false);
  float totals[query_rows];
  for (std::int64_t i = 0; i < rows; ++i) {
    a.log_sum[(first + i) * a.log_sum_stride + h.head] =
        soften(h.scores + i * h.score_stride, first_seen(first + i, a.window) - begin, first + i + 1 - begin, keys,
               {a.scale, a.soft_cap}, totals[i]);
  }
  h.multiply(rows, a.head_dim, keys, {h.scores, h.score_stride, Type::f32}, false, h.values(begin), false, out,
             a.head_dim, false);
  for (std::int64_t i = 0; i < rows; ++i) {
    write(out + i * a.head_dim, a.head_dim, 1.0F / totals[i], a.type,
          move(a.out, a.type, (first + i) * a.out_stride + h.head * a.head_dim));
  }
}

template <class Element>
float dot(const void* x, const void* y, std::int64_t count) {
  Vec products{};
  each(count, [&](std::int64_t i, auto part) {
    products += load(static_cast<const Element*>(x) + i, part) * load(static_cast<const Element*>(y) + i, part);
  });
  return sum(products);
}

/// A row of scores that sees the keys [from, keys).
struct ScoreRow {
  float* p;    ///< scores, overwritten with probabilities
  float* d_p;  ///< their gradient, overwritten with the gradient of the scores before scale and cap
  std::int64_t from;
  std::int64_t keys;
  std::int64_t end;
};

/// p (d_p - delta) times the derivative of scale and cap: the scale, and 1 - tanh^2 under a cap.
void score_gradient(const ScoreRow& row, const Scores& how, float log_sum, float delta) {
  for (std::int64_t i = 0; i < row.from; ++i) row.p[i] = row.d_p[i] = 0.0F;
  float* const p = row.p + row.from;
  float* const d_p = row.d_p + row.from;
  const float inner = how.soft_cap > 0.0F ? how.scale / how.soft_cap : 0.0F;
  each(row.keys - row.from, [&](std::int64_t i, auto part) {
    if (how.soft_cap > 0.0F) {
      const Vec bent = tanh_of(load(p + i, part) * inner);
      const Vec probability = exponential(how.soft_cap * bent - log_sum);
      store(probability, p + i, part);
      store(probability * (load(d_p + i, part) - delta) * (1.0F - bent * bent) * how.scale, d_p + i, part);
    } else {
      const Vec probability = exponential(load(p + i, part) * how.scale - log_sum);
      store(probability, p + i, part);
      store(probability * (load(d_p + i, part) - delta) * how.scale, d_p + i, part);
    }
  });
  for (std::int64_t i = row.keys; i < row.end; ++i) row.p[i] = row.d_p[i] = 0.0F;
}

struct KeyGradients {
  float* d_scores;
  float* d_q;  ///< [query_rows, head_dim]
  float* d_k;  ///< [tokens, head_dim]
  float* d_v;
};

void backward_tile(const Head& h, std::int64_t first, const KeyGradients& g) {
  const Attention& a = h.a;
  const std::int64_t rows = smaller(query_rows, a.tokens - first);
  const std::int64_t begin = first_seen(first, a.window);
  const std::int64_t keys = first + rows - begin;
  const View k = h.keys(begin), v = h.values(begin);
  const View p{h.scores, h.score_stride, Type::f32}, d_s{g.d_scores, h.score_stride, Type::f32};
  h.multiply(rows, keys, a.head_dim, h.queries(first), false, k, true, h.scores, h.score_stride, false);
  h.multiply(rows, keys, a.head_dim, h.d_out(first), false, v, true, g.d_scores, h.score_stride, false);
  for (std::int64_t i = 0; i < rows; ++i) {
    const void* out = move(a.out, a.type, (first + i) * a.out_stride + h.head * a.head_dim);
    const void* d_out = h.d_out(first + i).data;
    const float delta = a.type == Type::f32 ? dot<float>(out, d_out, a.head_dim) : dot<Half>(out, d_out, a.head_dim);
    const ScoreRow row{h.scores + i * h.score_stride, g.d_scores + i * h.score_stride,
                       first_seen(first + i, a.window) - begin, first + i + 1 - begin, keys};
    score_gradient(row, {a.scale, a.soft_cap}, a.log_sum[(first + i) * a.log_sum_stride + h.head], delta);
  }
  h.multiply(keys, a.head_dim, rows, p, true, h.d_out(first), false, g.d_v + begin * a.head_dim, a.head_dim, true);
  h.multiply(keys, a.head_dim, rows, d_s, true, h.queries(first), false, g.d_k + begin * a.head_dim, a.head_dim, true);
  h.multiply(rows, a.head_dim, keys, d_s, false, k, false, g.d_q, a.head_dim, false);
  for (std::int64_t i = 0; i < rows; ++i) {
    write(g.d_q + i * a.head_dim, a.head_dim, 1.0F, a.type,
          move(a.d_q, a.type, (first + i) * a.stride + h.head * a.head_dim));
  }
}

}  // namespace

namespace TOUCHSTONE_ISA {

std::int64_t attention_scratch_bytes(const Attention& a) {
  const std::int64_t keys = round_up(a.tokens, 16);
  const std::int64_t floats = 2 * query_rows * keys + query_rows * a.head_dim + 2 * a.tokens * a.head_dim;
  return floats * 4 + 320 + product_scratch_bytes;
}

void attention_forward(const Attention& a, void* memory) {
  Scratch scratch(memory);
  const std::int64_t stride = round_up(a.tokens, 16);
  float* scores = scratch.floats(query_rows * stride);
  float* out = scratch.floats(query_rows * a.head_dim);
  for (std::int64_t head = 0; head < a.heads; ++head) {
    const Head h{a, head, scores, stride, scratch.rest()};
    for (std::int64_t first = 0; first < a.tokens; first += query_rows) forward_tile(h, first, out);
  }
}

void attention_backward(const Attention& a, void* memory) {
  Scratch scratch(memory);
  const std::int64_t stride = round_up(a.tokens, 16);
  float* scores = scratch.floats(query_rows * stride);
  const KeyGradients g{scratch.floats(query_rows * stride), scratch.floats(query_rows * a.head_dim),
                       scratch.floats(a.tokens * a.head_dim), scratch.floats(a.tokens * a.head_dim)};
  const auto bytes = static_cast<std::size_t>(a.tokens * a.head_dim) * sizeof(float);
  std::memset(g.d_k, 0, bytes);
  std::memset(g.d_v, 0, bytes);
  for (std::int64_t head = 0; head < a.heads; ++head) {
    const Head h{a, head, scores, stride, scratch.rest()};
    for (std::int64_t first = 0; first < a.tokens; first += query_rows) backward_tile(h, first, g);
  }
  for (std::int64_t row = 0; row < a.tokens; ++row) {
    write(g.d_k + row * a.head_dim, a.head_dim, 1.0F, a.type, move(a.d_k, a.type, row * a.stride));
    write(g.d_v + row * a.head_dim, a.head_dim, 1.0F, a.type, move(a.d_v, a.type, row * a.stride));
  }
}

}  // namespace TOUCHSTONE_ISA
}  // namespace touchstone::kernels
