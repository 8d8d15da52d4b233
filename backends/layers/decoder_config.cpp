#include "backends/layers/decoder_config.hpp"

namespace touchstone {
namespace {

constexpr std::int64_t most_width = 1 << 20;
constexpr std::int64_t most_positions = 1 << 26;

}  // namespace

DecoderShape read_decoder_shape(const ConfigReader& config, const DecoderDefaults& defaults) {
  DecoderShape shape;
  shape.vocabulary = config.integer("vocab_size", 1, 1 << 24);
  shape.hidden = config.integer("hidden_size", 1, most_width);
  shape.feed_forward = config.integer("intermediate_size", 1, most_width);
  shape.layers = config.integer("num_hidden_layers", 1, 4096);
  shape.heads = config.integer("num_attention_heads", 1, 4096);
  shape.key_heads = config.integer("num_key_value_heads", 1, 4096, shape.heads);
  if (shape.heads % shape.key_heads != 0) {
    config.refuse("num_attention_heads is " + std::to_string(shape.heads) +
                  ", expected a multiple of num_key_value_heads, " + std::to_string(shape.key_heads));
  }
  if (!config.has("head_dim") && shape.hidden % shape.heads != 0) {
    config.refuse("hidden_size is " + std::to_string(shape.hidden) + ", expected a multiple of num_attention_heads, " +
                  std::to_string(shape.heads));
  }
  shape.head_dim = config.integer("head_dim", 1, most_width, shape.hidden / shape.heads);
  if (shape.head_dim % 2 != 0)
    config.refuse("head_dim is " + std::to_string(shape.head_dim) + ", expected an even number");
  shape.max_length = config.integer("max_position_embeddings", 1, most_positions, 2048);
  shape.norm_epsilon = config.number("rms_norm_eps", 0, 1, defaults.norm_epsilon);
  const auto activation = config.text("hidden_act", defaults.activation);
  if (!parse_activation(activation, shape.activation)) {
    config.refuse("hidden_act is '" + activation +
                  "', expected silu, gelu, gelu_new, gelu_fast, gelu_pytorch_tanh, quick_gelu, relu or relu2");
  }
  shape.rope = read_rope(config, shape.head_dim, shape.max_length, defaults.rope_theta);
  shape.tied = config.flag("tie_word_embeddings", false);
  shape.attention_bias = config.flag("attention_bias", false);
  if (defaults.feed_forward_bias_known) shape.feed_forward_bias = config.flag("mlp_bias", false);
  if (config.has("quantization_config")) {
    const auto method = config.child("quantization_config").text("quant_method", "");
    config.refuse("quantization_config is there (" + (method.empty() ? "no quant_method" : method) +
                  "), expected none: quantised weights are not read; convert the checkpoint to bfloat16 first");
  }
  return shape;
}

}  // namespace touchstone
