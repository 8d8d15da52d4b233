#pragma once
#include <string>
#include <vector>

#include "backends/layers/block.hpp"
#include "backends/native/fused.hpp"

namespace touchstone {

/// A feature of these parts that the training kernels lack ("sinks"); empty: none. `compute` is the products' dtype.
std::string fused_declines(const DecoderParts& parts, at::ScalarType compute);

/// A decoder's layers on CPU kernels, differentiable, for training. It refers to the decoder's parts: they must outlive
/// it, stay in place, and be supported by the kernels.
class FusedLayers {
 public:
  FusedLayers(const DecoderParts& parts, at::ScalarType compute);

  /// Runs the first `depth` layers. Gives hidden states after the final norm, [N, D] float32, or those of the tokens
  /// `rows` [M] alone, which leave no state of the last layer; and what is wanted of the layers below, attention
  /// probabilities not, in `outputs`.
  Tensor run(const Inputs& inputs, const Documents& documents, const Want& want, int depth, const Tensor& rows,
             Outputs& outputs);
  /// The head's products [M, V] float32 of hidden states [M, D], its bias included.
  Tensor project(const Tensor& hidden) { return head_.apply(hidden, /*wide=*/true); }

 private:
  struct Layer {
    JoinedMap query_key_value;
    JoinedMap output;
    JoinedMap wide;  ///< gate and up, or up alone
    JoinedMap down;
  };
  /// The residual sum so far, and the last part's addition, which is not in it yet.
  struct Flow {
    Tensor x;      ///< [N, D] float32
    Tensor delta;  ///< [N, D]; undefined: none
  };

  Tensor take(Flow& flow, const std::optional<Norm>& norm, at::ScalarType dtype) const;
  Tensor attention(const Block& block, Layer& maps, const Tensor& x, const Documents& documents,
                   const std::vector<RopeTables>& tables, QueryKeyValue* qkv) const;
  void keep(const Tensor& x, int number, const Want& want, Outputs& outputs) const;
  Tensor feed_forward(const Block& block, Layer& maps, const Tensor& x) const;
  Tensor added(const Block& block, const Tensor& y, const std::optional<Norm>& after) const;

  const DecoderParts& parts_;
  at::ScalarType compute_;
  std::vector<Layer> layers_;
  JoinedMap head_;
};

/// "fused-" and the instruction set of the kernels, as recorded with a run.
std::string fused_kernels();

}  // namespace touchstone
