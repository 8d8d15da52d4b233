#include "backends/layers/plain.hpp"

#include <cmath>
#include <map>

#include "harness/model/ops.hpp"

namespace touchstone {

Tensor norm_factors(const Norm& norm, std::int64_t width) {
  if (!norm.weight.defined()) return at::ones({width}, at::kFloat);
  const auto weight = norm.weight.scalar_type() == at::kFloat ? norm.weight : norm.weight.to(at::kFloat);
  return norm.plus_one ? weight + 1.0 : weight;
}

Tensor normed(const Tensor& x, const Norm& norm, at::ScalarType compute) {
  auto y = x;
  if (norm.kind == Norm::Kind::layer) y = y - y.mean(-1, /*keepdim=*/true);
  y = y * at::rsqrt(y.square().mean(-1, /*keepdim=*/true) + norm.epsilon);
  if (norm.round_first) y = y.to(compute).to(at::kFloat);
  if (norm.weight.defined()) y = y * norm_factors(norm, x.size(-1));
  return norm.bias.defined() ? y + norm.bias : y;
}

Tensor linear(const Tensor& x, const Linear& map, at::ScalarType compute) {
  const auto product = at::linear(x.to(compute), map.weight.to(compute)).to(at::kFloat);
  auto y = map.bias.defined() ? product + map.bias : product;
  for (const auto& delta : map.deltas) y = y + delta->apply(x, product, map);
  return y;
}

bool parse_activation(const std::string& name, Activation& activation) {
  static const std::map<std::string, Activation> known = {{"silu", Activation::silu},
                                                          {"swish", Activation::silu},
                                                          {"gelu", Activation::gelu},
                                                          {"gelu_python", Activation::gelu},
                                                          {"gelu_new", Activation::gelu_tanh},
                                                          {"gelu_fast", Activation::gelu_tanh},
                                                          {"gelu_accurate", Activation::gelu_tanh},
                                                          {"gelu_pytorch_tanh", Activation::gelu_tanh},
                                                          {"quick_gelu", Activation::quick_gelu},
                                                          {"relu", Activation::relu},
                                                          {"relu2", Activation::relu2}};
  const auto found = known.find(name);
  if (found == known.end()) return false;
  activation = found->second;
  return true;
}

Tensor activate(const Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::silu:
      return at::silu(x);
    case Activation::gelu:
      return at::gelu(x, "none");
    case Activation::gelu_tanh:
      return at::gelu(x, "tanh");
    case Activation::quick_gelu:
      return x * at::sigmoid(1.702 * x);
    case Activation::relu:
      return at::relu(x);
    case Activation::relu2:
      return at::relu(x).square();
  }
  return x;
}

namespace {

Tensor positions_of(const Documents& documents, std::int64_t offset, const at::Device& device) {
  std::vector<Tensor> all;
  for (std::size_t row = 0; row < documents.count.size(); ++row) {
    const auto first = documents.past[row] + offset;
    all.push_back(at::arange(first, first + documents.count[row], at::device(device).dtype(at::kLong)));
  }
  return at::cat(all);
}

}  // namespace

Tensor token_rows(const DecoderParts& parts, const Tensor& rows) {
  return parts.embedding_scale == 1.0 ? rows : rows * parts.embedding_scale;
}

Tensor embedded(const DecoderParts& parts, const Tensor& rows, const Inputs& inputs, const Documents& documents) {
  auto x = token_rows(parts, rows);
  if (inputs.soft.defined()) x = x.index_copy(0, inputs.soft_at, inputs.soft.to(at::kFloat));
  if (parts.positions.defined()) {
    const auto places = positions_of(documents, parts.position_offset, x.device());
    x = x + taken_back(documents, at::embedding(parts.positions, places).to(at::kFloat));
  }
  return parts.embedding_norm ? normed(x, *parts.embedding_norm, at::kFloat) : x;
}

Tensor finished_logits(const DecoderParts& parts, const Tensor& products) {
  const auto logits = parts.logit_scale == 1.0 ? products : products * parts.logit_scale;
  return parts.logit_cap > 0.0 ? parts.logit_cap * at::tanh(logits / parts.logit_cap) : logits;
}

double usual_scale(std::int64_t head_dim) { return 1.0 / std::sqrt(static_cast<double>(head_dim)); }

namespace {

/// [T, S], or [H, T, S] where keys have positions of their own: row t sees the keys up to its own place, S - T + t, of
/// which a window leaves the last.
Tensor seen_keys(const AttentionInputs& inputs, std::int64_t window) {
  const auto tokens = inputs.query.size(0);
  const auto total = inputs.key.size(0);
  const auto seen = at::ones({tokens, total}, at::device(inputs.query.device()).dtype(at::kBool)).tril(total - tokens);
  if (window == 0) return seen;
  if (!inputs.positions.defined()) return seen.triu(total - tokens - window + 1);
  const auto places = inputs.positions.to(inputs.query.device());
  const auto own = places.narrow(1, total - tokens, tokens).unsqueeze(2);
  const auto near = (own - places.unsqueeze(1)).lt(window).logical_and(seen);
  return near.repeat_interleave(inputs.query.size(1) / inputs.key.size(1), 0);
}

/// Attention with explicit scores, for caps, sinks and requested probabilities. q, k, v are [1, H, ., d].
Tensor explicit_attention(const Tensor& query, const Tensor& key, const Tensor& value, const Attention& how,
                          const Tensor& seen, Tensor* probabilities) {
  auto scores = at::matmul(query, key.transpose(-2, -1)).to(at::kFloat);
  const auto usual = usual_scale(query.size(-1));
  // A division, as in the reference where the scale is the usual one.
  scores = how.scale == usual ? scores / std::sqrt(static_cast<double>(query.size(-1))) : scores * how.scale;
  if (how.soft_cap > 0.0) scores = how.soft_cap * at::tanh(scores / how.soft_cap);
  scores = scores.masked_fill(seen.logical_not(), -std::numeric_limits<double>::infinity());
  if (how.sinks.defined()) {
    const auto sinks = how.sinks.to(at::kFloat).view({1, -1, 1, 1}).expand({1, -1, query.size(2), 1});
    scores = at::cat({scores, sinks}, -1);
  }
  auto weights = at::softmax(scores, -1);
  if (how.sinks.defined()) weights = weights.narrow(-1, 0, key.size(2));
  if (probabilities != nullptr) *probabilities = weights.squeeze(0);
  return at::matmul(weights.to(value.scalar_type()), value);
}

}  // namespace

Tensor attend(const AttentionInputs& inputs, const Attention& how, Tensor* probabilities) {
  const auto tokens = inputs.query.size(0);
  const auto total = inputs.key.size(0);
  const auto heads = inputs.query.size(1);
  const auto width = inputs.query.size(2);
  const auto query = inputs.query.transpose(0, 1).unsqueeze(0);  // [1, H, T, d]
  const auto key = inputs.key.transpose(0, 1).unsqueeze(0);
  const auto value = inputs.value.transpose(0, 1).unsqueeze(0);
  const auto repeat = heads / inputs.key.size(1);
  Tensor mixed;
  if (probabilities != nullptr || how.soft_cap > 0.0 || how.sinks.defined()) {
    mixed = explicit_attention(query, key.repeat_interleave(repeat, 1), value.repeat_interleave(repeat, 1), how,
                               seen_keys(inputs, how.window), probabilities);
  } else {
    const auto windowed = how.window > 0 && (total > how.window || inputs.positions.defined());
    const auto causal = tokens > 1 && tokens == total && !windowed;
    std::optional<Tensor> mask;
    if (!causal && (tokens > 1 || windowed)) mask = seen_keys(inputs, how.window);
    const auto scale = how.scale == usual_scale(width) ? std::nullopt : std::optional<double>(how.scale);
    mixed = at::scaled_dot_product_attention(query, key, value, mask, 0.0, causal, scale, repeat != 1);
  }
  return mixed.squeeze(0).transpose(0, 1).reshape({tokens, heads * width});
}

namespace {

Tensor gated(const Tensor& x, const Gated& part, at::ScalarType compute) {
  auto y = activate(linear(x, part.gate, compute), part.activation) * linear(x, part.up, compute);
  if (part.product_norm) y = normed(y, *part.product_norm, compute);
  return linear(y, part.down, compute);
}

/// The experts of each token, [N, k], and their weights, [N, k] float32.
struct Choice {
  Tensor experts;
  Tensor weights;
};

Choice choose(const Tensor& x, const Mixture& part, at::ScalarType compute) {
  const auto logits = linear(x, part.router, compute);
  auto scores = logits;
  if (part.scores == Mixture::Scores::softmax) scores = at::softmax(logits, -1);
  if (part.scores == Mixture::Scores::sigmoid) scores = at::sigmoid(logits);
  const auto ranked = part.correction.defined() ? scores + part.correction : scores;
  Choice choice;
  choice.experts = std::get<1>(ranked.topk(part.chosen, -1));
  choice.weights = scores.gather(1, choice.experts);
  if (part.scores == Mixture::Scores::softmax_of_chosen) choice.weights = at::softmax(choice.weights, -1);
  if (part.normalised) choice.weights = choice.weights / choice.weights.sum(-1, /*keepdim=*/true);
  choice.weights = choice.weights * part.scale;
  return choice;
}

Tensor mixture(const Tensor& x, const Mixture& part, at::ScalarType compute) {
  const auto choice = choose(x, part, compute);
  auto y = at::zeros_like(x);
  for (std::size_t number = 0; number < part.experts.size(); ++number) {
    const auto found = (choice.experts == static_cast<std::int64_t>(number)).nonzero();
    if (found.size(0) == 0) continue;
    const auto tokens = found.select(1, 0);
    const auto weights = choice.weights.index({tokens, found.select(1, 1)}).unsqueeze(1);
    y = y.index_add(0, tokens, gated(x.index_select(0, tokens), part.experts[number], compute) * weights);
  }
  if (part.shared) {
    auto all = gated(x, *part.shared, compute);
    if (part.shared_gate.weight.defined()) all = all * at::sigmoid(linear(x, part.shared_gate, compute));
    y = y + all;
  }
  return y;
}

}  // namespace

Tensor feed_forward(const Tensor& x, const FeedForward& part, at::ScalarType compute) {
  if (const auto* one = std::get_if<Gated>(&part)) return gated(x, *one, compute);
  if (const auto* one = std::get_if<Mixture>(&part)) return mixture(x, *one, compute);
  const auto& one = std::get<Plain>(part);
  return linear(activate(linear(x, one.up, compute), one.activation), one.down, compute);
}

}  // namespace touchstone
