#pragma once
#include "backends/checkpoints/config.hpp"
#include "backends/layers/decoder.hpp"

namespace touchstone {

/// What differs between families in how config.json is read.
struct DecoderDefaults {
  std::string activation = "silu";
  double rope_theta = 10000.0;
  double norm_epsilon = 1e-6;
  bool feed_forward_bias_known = true;  ///< whether the family has the key "mlp_bias"
};

/// Reads the keys that all Llama-like families share, with range checks. Throws Fault::checkpoint naming file and key.
DecoderShape read_decoder_shape(const ConfigReader& config, const DecoderDefaults& defaults);

}  // namespace touchstone
