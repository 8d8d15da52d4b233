#pragma once
#include <functional>

#include "backends/checkpoints/config.hpp"
#include "backends/layers/block.hpp"
#include "harness/model/family.hpp"

namespace touchstone {

/// How families differ in reading config.json: the meaning of absent keys.
struct DecoderDefaults {
  std::string activation_key = "hidden_act";
  std::string activation = "silu";
  double norm_epsilon = 1e-6;
  std::int64_t head_dim = 0;  ///< 0: hidden_size / num_attention_heads
  std::int64_t max_length = 2048;
  bool tied = false;
};

/// Sizes of a decoder as the Llama-like families' config.json gives them.
struct DecoderSizes {
  std::int64_t vocabulary = 0;
  std::int64_t hidden = 0;
  std::int64_t feed_forward = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t key_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t max_length = 0;
  double norm_epsilon = 1e-6;
  Activation activation = Activation::silu;
  bool tied = false;
};

/// Reads the keys that all Llama-like families share, with range checks. Throws Fault::checkpoint naming file and key.
DecoderSizes read_decoder_sizes(const ConfigReader& config, const DecoderDefaults& defaults);

/// A decoder of these sizes with the parts that all families share: RMS norms before attention and a gated feed-forward
/// part, grouped-query attention rotated by the first rope, no biases. A family then changes what differs. Tensors are
/// not read yet.
DecoderParts llama_parts(const DecoderSizes& sizes);

/// An RMS norm of this width; its weight is not read yet.
Norm unread_norm(std::int64_t width, double epsilon);

/// Which maps of every block have a bias.
struct Biases {
  bool attention = false;  ///< all four maps
  bool inputs = false;     ///< queries, keys and values alone
  bool feed_forward = false;
};
void add_biases(DecoderParts& parts, const Biases& biases);

/// Which layers have a sliding window.
struct Windows {
  std::int64_t width = 0;                         ///< keys that a token sees, its own among them; 0: no layer has one
  std::function<bool(std::int64_t layer)> usual;  ///< where the file has no "layer_types"
  int rope = 0;                                   ///< the rope of these layers
};
/// Gives the layers that "layer_types" calls sliding_attention, or else `usual`, their window. Throws
/// Fault::checkpoint for other kinds than that and full_attention.
void add_windows(DecoderParts& parts, const ConfigReader& config, const Windows& windows);

/// Qwen's rule: with use_sliding_window, layers from max_window_layers on see sliding_window keys.
Windows later_layers_slide(const ConfigReader& config);

/// Makes all norms of the decoder multiply with 1 + weight.
void add_one_to_norms(DecoderParts& parts);

/// A factor rounded to that dtype.
double rounded_scale(double scale, at::ScalarType dtype);

/// The function by which a family describes its decoder.
using DescribeDecoder = std::function<DecoderParts(const ConfigReader& config, const LoadSettings& settings)>;

/// A Family whose models are decoders, built from what `describe` gives. A key of config.json that changes the
/// arithmetic in another family is refused by name unless `describe` reads it.
Family decoder_family(std::string name, std::string summary, std::vector<std::string> architectures,
                      const DescribeDecoder& describe);

}  // namespace touchstone
