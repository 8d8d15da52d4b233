#include "backends/layers/plain.hpp"

#include <cmath>
#include <map>

#include "harness/model/ops.hpp"

namespace touchstone {

Tensor rms_norm(const Tensor& x, const Tensor& weight, double epsilon) {
  const auto scale = at::rsqrt(x.square().mean(-1, /*keepdim=*/true) + epsilon);
  return x * scale * (weight.scalar_type() == at::kFloat ? weight : weight.to(at::kFloat));
}

Tensor linear(const Tensor& x, const Linear& map, at::ScalarType compute) {
  auto y = at::linear(x.to(compute), map.weight.to(compute)).to(at::kFloat);
  if (map.bias.defined()) y = y + map.bias;
  for (const auto& delta : map.deltas) y = y + delta->apply(x);
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

Tensor attention(const AttentionInputs& inputs, Tensor* probabilities) {
  const auto tokens = inputs.query.size(0);
  const auto total = inputs.key.size(0);
  const auto heads = inputs.query.size(1);
  const auto width = inputs.query.size(2);
  const auto query = inputs.query.transpose(0, 1).unsqueeze(0);  // [1, H, T, d]
  const auto key = inputs.key.transpose(0, 1).unsqueeze(0);
  const auto value = inputs.value.transpose(0, 1).unsqueeze(0);
  const auto grouped = heads != inputs.key.size(1);
  // Row t sees the keys up to its own place, total - tokens + t.
  Tensor mask;
  if (tokens > 1 && (tokens != total || probabilities != nullptr)) {
    mask = at::ones({tokens, total}, query.options().dtype(at::kBool)).tril(total - tokens);
  }
  Tensor mixed;
  if (probabilities == nullptr) {
    const auto causal = tokens > 1 && tokens == total;
    const auto given = mask.defined() ? std::optional<Tensor>(mask) : std::nullopt;
    mixed = at::scaled_dot_product_attention(query, key, value, given, 0.0, causal, std::nullopt, grouped);
  } else {
    const auto repeat = heads / inputs.key.size(1);
    const auto keys = key.repeat_interleave(repeat, 1);
    const auto values = value.repeat_interleave(repeat, 1);
    auto scores = at::matmul(query, keys.transpose(-2, -1)).to(at::kFloat) / std::sqrt(static_cast<double>(width));
    if (mask.defined()) scores = scores.masked_fill(mask.logical_not(), -std::numeric_limits<double>::infinity());
    const auto weights = at::softmax(scores, -1);
    *probabilities = weights.squeeze(0);
    mixed = at::matmul(weights.to(values.scalar_type()), values);
  }
  return mixed.squeeze(0).transpose(0, 1).reshape({tokens, heads * width});
}

}  // namespace touchstone
