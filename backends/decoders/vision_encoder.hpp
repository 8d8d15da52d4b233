#pragma once
// A SigLIP-like encoder of picture tiles: patches, learned positions, pre-norm layers of attention over all patches.
#include <map>
#include <string>
#include <vector>

#include "backends/checkpoints/config.hpp"
#include "backends/layers/plain.hpp"
#include "harness/model/family.hpp"

namespace touchstone {

/// Sizes of an encoder.
struct VisionShape {
  std::int64_t hidden = 0;
  std::int64_t feed_forward = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t channels = 3;
  std::int64_t image_px = 0;  ///< side of the picture that the learned positions are for
  std::int64_t patch_px = 0;
  double norm_epsilon = 1e-6;
  Activation activation = Activation::gelu_tanh;
};

/// Weight and bias of a layer norm, [D] each.
struct LayerNorm {
  Tensor weight;
  Tensor bias;
};

struct VisionLayer {
  LayerNorm first, second;
  Linear query, key, value, output, up, down;
};

struct VisionWeights {
  Tensor patch;       ///< [D, C, P, P]
  Tensor patch_bias;  ///< [D]
  Tensor places;      ///< [(image / patch)^2, D]
  std::vector<VisionLayer> layers;
  LayerNorm last;
};

/// Reads "vision_config" with transformers' defaults. Throws Fault::checkpoint naming file and key.
VisionShape read_vision_shape(const ConfigReader& config);

/// Reads the tensors under `name` ("model.vision_model.").
VisionWeights read_vision_weights(const VisionShape& shape, const Weights& weights, const LoadSettings& settings,
                                  const std::string& name);

/// Tiles [T, C, H, W] float32, H and W multiples of the patch: their patches after the last norm, [T, H/P * W/P, D],
/// row by row. Differentiable.
Tensor encode_tiles(const VisionShape& shape, const VisionWeights& weights, const Tensor& tiles,
                    at::ScalarType compute);

/// The maps and tensors of an encoder by their names below `name`.
void name_linears(VisionWeights& weights, const std::string& name, std::map<std::string, Linear*>& all);
void name_parameters(VisionWeights& weights, const std::string& name, std::map<std::string, Tensor*>& all);

}  // namespace touchstone
