#include "backends/native/fused_decoder.hpp"

#include "backends/layers/documents.hpp"
#include "harness/kernels/kernels.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {

FusedLayers::FusedLayers(const DecoderShape& shape, const DecoderWeights& weights, at::ScalarType compute)
    : shape_(shape), weights_(weights), compute_(compute), head_({&weights.head}, compute) {
  for (const auto& layer : weights.layers) {
    layers_.push_back({.query_key_value = {{&layer.query, &layer.key, &layer.value}, compute},
                       .output = {{&layer.output}, compute},
                       .gate_up = {{&layer.gate, &layer.up}, compute},
                       .down = {{&layer.down}, compute}});
  }
}

Tensor FusedLayers::hidden(const Inputs& inputs, const Documents& documents, const Tensor& rows) {
  const AttentionPlan plan{.starts = documents.starts,
                           .tables = rope_tables(shape_.rope, documents.past, documents.count, at::kCPU),
                           .heads = shape_.heads,
                           .key_heads = shape_.key_heads,
                           .head_dim = shape_.head_dim};
  const NormKind inner{.epsilon = shape_.norm_epsilon, .dtype = compute_};
  const NormKind last{.epsilon = shape_.norm_epsilon, .dtype = at::kFloat};
  auto x = fused_embedding(shape_.tied ? weights_.head.weight : weights_.embedding, inputs.tokens);
  if (inputs.soft.defined()) x = x.index_copy(0, inputs.soft_at, inputs.soft.to(at::kFloat));
  Tensor delta;  // what the last part added, not yet in x
  for (std::size_t number = 0; number < layers_.size(); ++number) {
    auto& maps = layers_[number];
    const auto& layer = weights_.layers[number];
    Tensor normed;
    if (delta.defined()) {
      const auto both = fused_sum_norm(x, delta, layer.input_norm, inner);
      x = both.sum;
      normed = both.normed;
    } else {
      normed = fused_norm(x, layer.input_norm, inner);
    }
    auto mixed = taken_back(documents, fused_attention(laid_out(documents, maps.query_key_value.apply(normed)), plan));
    if (rows.defined() && number + 1 == layers_.size()) {
      mixed = mixed.index_select(0, rows);
      x = x.index_select(0, rows);
    }
    const auto middle = fused_sum_norm(x, maps.output.apply(mixed), layer.middle_norm, inner);
    x = middle.sum;
    delta = maps.down.apply(fused_swiglu(maps.gate_up.apply(middle.normed)));
  }
  return fused_sum_norm(x, delta, weights_.norm, last).normed;
}

std::string fused_kernels() { return std::string("fused-") + kernels::chosen().name; }

}  // namespace touchstone
