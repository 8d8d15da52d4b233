#pragma once
// The parts of a decoder as LibTorch's own operators: they know every feature of a block, are every fast path's oracle,
// and run on any device.
#include <string>

#include "backends/layers/block.hpp"
#include "backends/layers/documents.hpp"

namespace touchstone {

/// x [..., W] float32 normed, float32. `compute` is the products' dtype, to which norms that round first round.
Tensor normed(const Tensor& x, const Norm& norm, at::ScalarType compute);

/// What a norm multiplies with, [W] float32: the weight, 1 + weight, or ones.
Tensor norm_factors(const Norm& norm, std::int64_t width);

/// x [N, in] float32 to [N, out] float32: the product in dtype `compute`, bias and deltas added in float32.
Tensor linear(const Tensor& x, const Linear& map, at::ScalarType compute);

/// The activation behind transformers' name ("silu", "gelu_pytorch_tanh", ...); false when it is not known.
bool parse_activation(const std::string& name, Activation& activation);

Tensor activate(const Tensor& x, Activation activation);

/// The table [V, D] of a decoder's embeddings.
inline const Tensor& embedding_of(const DecoderParts& parts) {
  return parts.tied ? parts.head.weight : parts.embedding;
}

/// The tokens' rows of the table, [N, D] float32, scaled: what soft rows stand beside.
Tensor token_rows(const DecoderParts& parts, const Tensor& rows);

/// What enters the first block, [N, D] float32, of the tokens' rows of the table, [N, D] float32.
Tensor embedded(const DecoderParts& parts, const Tensor& rows, const Inputs& inputs, const Documents& documents);

/// What is done to the head's products [M, V] float32: scale and cap.
Tensor finished_logits(const DecoderParts& parts, const Tensor& products);

/// What one document's attention reads and gives.
struct AttentionInputs {
  Tensor query;        ///< [T, H, d], its tokens are the last T of the S
  Tensor key;          ///< [S, KV, d]
  Tensor value;        ///< [S, KV, d]
  Tensor positions{};  ///< [KV, S] int64, of the keys; undefined: they follow one another
};

/// The scale of scores that has no key of its own, 1 / sqrt(d).
double usual_scale(std::int64_t head_dim);

/// Causal attention of one document: [T, H * d] in the dtype of the query. Of `how` it reads scale, cap, window and
/// sinks. With `probabilities` they are written out, [H, T, S] float32.
Tensor attend(const AttentionInputs& inputs, const Attention& how, Tensor* probabilities = nullptr);

/// The feed-forward part of x [N, D] float32: [N, D] float32. A mixture adds its experts in their order, in float32.
Tensor feed_forward(const Tensor& x, const FeedForward& part, at::ScalarType compute);

}  // namespace touchstone
