#pragma once
// A vision-language model: an encoder of tiles, a pixel shuffle, one linear map into the decoder's embeddings.
#include "backends/decoders/vision_encoder.hpp"

namespace touchstone {

/// The vision part before the decoder.
struct Eyes {
  VisionShape shape;
  VisionWeights weights;
  std::int64_t shuffle = 1;  ///< shuffle^2 neighbouring patches become one soft token
  Linear connector;          ///< [decoder's D, D * shuffle^2], no bias
};

/// Reads the tensors of "model.vision_model." and "model.connector.", and builds the decoder of "model.text_model." by
/// `build_text`, which sees them under a decoder's own names.
std::unique_ptr<Model> build_vision_language(Eyes eyes, const Weights& weights, const LoadSettings& settings,
                                             const std::string& config_json,
                                             const std::function<std::unique_ptr<Model>(const Weights&)>& build_text);

}  // namespace touchstone
