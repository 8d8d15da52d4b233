#pragma once
#include <string>
#include <vector>

#include "backends/layers/decoder.hpp"
#include "backends/native/fused.hpp"

namespace touchstone {

/// A decoder's layers on the processor's kernels, differentiable: what training runs. Refers to the decoder's shape and
/// weights, which must outlive it and stay where they are.
class FusedLayers {
 public:
  FusedLayers(const DecoderShape& shape, const DecoderWeights& weights, at::ScalarType compute);

  /// Hidden states after the final norm, [N, D] float32, or those of the tokens `rows` [M] alone.
  Tensor hidden(const Inputs& inputs, const Documents& documents, const Tensor& rows);
  /// Logits [M, V] float32 of hidden states [M, D].
  Tensor project(const Tensor& hidden) { return head_.apply(hidden, /*wide=*/true); }

 private:
  struct Layer {
    JoinedMap query_key_value;
    JoinedMap output;
    JoinedMap gate_up;
    JoinedMap down;
  };

  const DecoderShape& shape_;
  const DecoderWeights& weights_;
  at::ScalarType compute_;
  std::vector<Layer> layers_;
  JoinedMap head_;
};

/// "fused-" and the instruction set of the kernels: what a run records.
std::string fused_kernels();

}  // namespace touchstone
