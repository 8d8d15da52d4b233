#pragma once
// The layers of a decoder as LibTorch's own operators: every fast path's oracle, and what training differentiates.
#include <string>

#include "harness/model/model.hpp"

namespace touchstone {

/// x [N, D] float32 over its root mean square, times weight [D]. "Root Mean Square Layer Normalization",
/// arXiv:1910.07467.
Tensor rms_norm(const Tensor& x, const Tensor& weight, double epsilon);

/// x [N, in] float32 to [N, out] float32: the product in dtype `compute`, bias and deltas added in float32.
Tensor linear(const Tensor& x, const Linear& map, at::ScalarType compute);

enum class Activation : std::uint8_t { silu, gelu, gelu_tanh, quick_gelu, relu, relu2 };

/// The activation behind transformers' name ("silu", "gelu_pytorch_tanh", ...); false when it is not known.
bool parse_activation(const std::string& name, Activation& activation);

Tensor activate(const Tensor& x, Activation activation);

/// What one document's attention reads and gives.
struct AttentionInputs {
  Tensor query;  ///< [T, H, d], its tokens are the last T of the S
  Tensor key;    ///< [S, KV, d]
  Tensor value;  ///< [S, KV, d]
};

/// Causal attention of one document: [T, H * d] in the dtype of the query. With `probabilities` they are written out,
/// [H, T, S] float32, and the slower explicit form is used.
Tensor attention(const AttentionInputs& inputs, Tensor* probabilities = nullptr);

}  // namespace touchstone
