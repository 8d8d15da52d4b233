#pragma once
// The parts of a decoder layer as differentiable functions on CPU kernels: they pass over memory less often than
// LibTorch's operators and add weight gradients in place. Their reference is backends/layers/plain.hpp.
#include <vector>

#include "backends/layers/block.hpp"
#include "backends/layers/documents.hpp"
#include "backends/layers/rope.hpp"
#include "harness/model/model.hpp"

namespace touchstone {

/// Linear maps with the same input, as one: their outputs lie side by side. The products' factors have the dtype
/// `compute`; bfloat16 copies of the weights are made once, and again when a weight has changed.
class JoinedMap {
 public:
  JoinedMap(std::vector<const Linear*> parts, at::ScalarType compute) : parts_(std::move(parts)), compute_(compute) {}

  /// x [N, in] to [N, sum of out], in `compute` or, with `wide`, in float32; biases and deltas included.
  Tensor apply(const Tensor& x, bool wide = false);

 private:
  Tensor copy_of_weights();
  Tensor additions(const Tensor& x, const Tensor& y) const;

  std::vector<const Linear*> parts_;
  at::ScalarType compute_;
  Tensor copy_;                                ///< [sum of out, in]; undefined where compute is float32
  std::vector<std::int64_t> copied_versions_;  ///< versions of the weights when they were copied
};

struct SumAndNorm {
  Tensor sum;     ///< [N, D] float32: x + delta
  Tensor normed;  ///< [N, D], of the dtype that was asked for
};

/// How the norms of a layer are computed.
struct NormKind {
  double epsilon = 1e-6;
  at::ScalarType dtype = at::kFloat;  ///< of the result
};

/// x [N, D] float32 divided by its root mean square, times weight [D] float32.
Tensor fused_norm(const Tensor& x, const Tensor& weight, const NormKind& kind);
/// The same of x + delta; delta [N, D] has the result's dtype or float32.
SumAndNorm fused_sum_norm(const Tensor& x, const Tensor& delta, const Tensor& weight, const NormKind& kind);

/// x [N, 2 F], gate and up side by side, to f(gate) * up, [N, F]; where not gated x [N, F] to f(x).
Tensor fused_activation(const Tensor& x, Activation activation, bool gated);

/// The inputs of attention over packed documents, besides the tensors.
struct AttentionPlan {
  std::vector<std::int64_t> starts;  ///< as in Inputs, one more than documents
  RopeTables tables;                 ///< undefined: queries and keys are not rotated
  std::int64_t heads = 0;
  std::int64_t key_heads = 0;
  std::int64_t head_dim = 0;
  double scale = 1.0;
  double soft_cap = 0.0;
  std::int64_t window = 0;
};

/// Queries, keys and values side by side, [N, (H + 2 KV) * d], not yet rotated, to mixed values [N, H * d]. Rotates
/// them in place.
Tensor fused_attention(const Tensor& query_key_value, const AttentionPlan& plan);

/// Rows of the table [V, D] as float32 [N, D]; the gradient is added to the table's in place.
Tensor fused_embedding(const Tensor& table, const Tensor& tokens);

}  // namespace touchstone
