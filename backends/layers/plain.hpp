#pragma once
// The parts of a decoder as LibTorch's own operators: they support every feature of a block, are the reference for
// every fast path, and run on any device.
#include <string>

#include "backends/layers/block.hpp"
#include "backends/layers/documents.hpp"

namespace touchstone {

/// x [..., W] float32 normed, float32. `compute` is the products' dtype, to which norms that round first round.
Tensor normed(const Tensor& x, const Norm& norm, at::ScalarType compute);

/// The factors of a norm, [W] float32: the weight, 1 + weight, or ones.
Tensor norm_factors(const Norm& norm, std::int64_t width);

/// x [N, in] float32 to [N, out] float32: the product in dtype `compute`, bias and deltas added in float32.
Tensor linear(const Tensor& x, const Linear& map, at::ScalarType compute);

/// The activation by transformers' name ("silu", "gelu_pytorch_tanh", ...); false when it is not known.
bool parse_activation(const std::string& name, Activation& activation);

Tensor activate(const Tensor& x, Activation activation);

/// The table [V, D] of a decoder's embeddings.
inline const Tensor& embedding_of(const DecoderParts& parts) {
  return parts.tied ? parts.head.weight : parts.embedding;
}

/// The tokens' rows of the table, [N, D] float32, scaled, in the form of soft rows.
Tensor token_rows(const DecoderParts& parts, const Tensor& rows);

/// The input of the first block, [N, D] float32, from the tokens' rows of the table, [N, D] float32.
Tensor embedded(const DecoderParts& parts, const Tensor& rows, const Inputs& inputs, const Documents& documents);

/// Applies scale and cap to the head's products [M, V] float32.
Tensor finished_logits(const DecoderParts& parts, const Tensor& products);

/// The inputs of one document's attention.
struct AttentionInputs {
  Tensor query;        ///< [T, H, d], its tokens are the last T of the S
  Tensor key;          ///< [S, KV, d]
  Tensor value;        ///< [S, KV, d]
  Tensor positions{};  ///< [KV, S] int64, of the keys; undefined: they follow one another
};

/// The default scale of scores, 1 / sqrt(d).
double usual_scale(std::int64_t head_dim);

/// Causal attention of one document: [T, H * d] in the dtype of the query. It reads scale, cap, window and sinks of
/// `how`. `probabilities`, unless null, gets the attention probabilities, [H, T, S] float32.
Tensor attend(const AttentionInputs& inputs, const Attention& how, Tensor* probabilities = nullptr);

/// The feed-forward part of x [N, D] float32: [N, D] float32. A mixture adds its experts in their order, in float32.
Tensor feed_forward(const Tensor& x, const FeedForward& part, at::ScalarType compute);

}  // namespace touchstone
