#include "backends/decoders/decoder_config.hpp"

#include "backends/decoders/decoder.hpp"
#include "backends/layers/plain.hpp"
#include "backends/layers/visit.hpp"
#include "harness/base/json.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

constexpr std::int64_t most_width = 1 << 20;
constexpr std::int64_t most_positions = 1 << 26;

/// Keys that change the arithmetic in some family, with the value that changes nothing. A family refuses other values
/// of a key unless it reads it.
const Json& arithmetic_keys() {
  static const Json keys = {{"alibi", false},
                            {"attention_bias", false},
                            {"attention_multiplier", nullptr},
                            {"attn_logit_softcapping", nullptr},
                            {"clip_qkv", nullptr},
                            {"embedding_multiplier", 1.0},
                            {"final_logit_softcapping", nullptr},
                            {"layer_types", nullptr},
                            {"lm_head_bias", false},
                            {"logit_scale", 1.0},
                            {"logits_scaling", 1.0},
                            {"mlp_bias", false},
                            {"no_rope_layers", nullptr},
                            {"num_experts", nullptr},
                            {"num_local_experts", nullptr},
                            {"parallel_attn", false},
                            {"partial_rotary_factor", 1.0},
                            {"qk_layernorm", false},
                            {"query_pre_attn_scalar", nullptr},
                            {"residual_multiplier", 1.0},
                            {"sliding_window", nullptr},
                            {"sliding_window_pattern", nullptr},
                            {"use_bias", false},
                            {"use_bidirectional_attention", false},
                            {"use_parallel_residual", false},
                            {"use_qk_norm", false},
                            {"use_sliding_window", false}};
  return keys;
}

}  // namespace

DecoderSizes read_decoder_sizes(const ConfigReader& config, const DecoderDefaults& defaults) {
  DecoderSizes sizes;
  sizes.vocabulary = config.integer("vocab_size", 1, 1 << 24);
  sizes.hidden = config.integer("hidden_size", 1, most_width);
  sizes.feed_forward = config.integer("intermediate_size", 1, most_width);
  sizes.layers = config.integer("num_hidden_layers", 1, 4096);
  sizes.heads = config.integer("num_attention_heads", 1, 4096);
  sizes.key_heads = config.integer("num_key_value_heads", 1, 4096, sizes.heads);
  if (sizes.heads % sizes.key_heads != 0) {
    config.refuse("key 'num_attention_heads': found " + std::to_string(sizes.heads) +
                  ", expected a multiple of num_key_value_heads, " + std::to_string(sizes.key_heads));
  }
  const bool given = config.has("head_dim") || defaults.head_dim > 0;
  if (!given && sizes.hidden % sizes.heads != 0) {
    config.refuse("key 'hidden_size': found " + std::to_string(sizes.hidden) +
                  ", expected a multiple of num_attention_heads, " + std::to_string(sizes.heads));
  }
  const auto usual = defaults.head_dim > 0 ? defaults.head_dim : sizes.hidden / sizes.heads;
  sizes.head_dim = config.integer("head_dim", 1, most_width, usual);
  if (sizes.head_dim % 2 != 0)
    config.refuse("key 'head_dim': found " + std::to_string(sizes.head_dim) + ", expected an even number");
  sizes.max_length = config.integer("max_position_embeddings", 1, most_positions, defaults.max_length);
  sizes.norm_epsilon = config.number("rms_norm_eps", 0, 1, defaults.norm_epsilon);
  const auto activation = config.text(defaults.activation_key, defaults.activation);
  if (!parse_activation(activation, sizes.activation)) {
    config.refuse("key '" + defaults.activation_key + "': found '" + activation +
                  "', expected silu, gelu, gelu_new, gelu_fast, gelu_pytorch_tanh, quick_gelu, relu or relu2");
  }
  sizes.tied = config.flag("tie_word_embeddings", defaults.tied);
  if (config.has("quantization_config")) {
    const auto method = config.child("quantization_config").text("quant_method", "");
    config.refuse("key 'quantization_config': found " +
                  (method.empty() ? "one without quant_method" : "'" + method + "'") +
                  ", expected none: quantised weights are not read; convert the checkpoint to bfloat16 first");
  }
  return sizes;
}

Norm unread_norm(std::int64_t width, double epsilon) { return {.epsilon = epsilon, .weight = unread({width})}; }

DecoderParts llama_parts(const DecoderSizes& sizes) {
  DecoderParts parts;
  parts.vocabulary = sizes.vocabulary;
  parts.hidden = sizes.hidden;
  parts.max_length = sizes.max_length;
  parts.tied = sizes.tied;
  if (!sizes.tied) parts.embedding = unread({sizes.vocabulary, sizes.hidden});
  parts.head = unread_map(sizes.vocabulary, sizes.hidden);
  parts.norm = unread_norm(sizes.hidden, sizes.norm_epsilon);
  const auto queries = sizes.heads * sizes.head_dim;
  const auto keys = sizes.key_heads * sizes.head_dim;
  for (std::int64_t at = 0; at < sizes.layers; ++at) {
    Block block;
    block.attention_before = unread_norm(sizes.hidden, sizes.norm_epsilon);
    block.feed_before = unread_norm(sizes.hidden, sizes.norm_epsilon);
    block.attention.heads = sizes.heads;
    block.attention.key_heads = sizes.key_heads;
    block.attention.head_dim = sizes.head_dim;
    block.attention.query = unread_map(queries, sizes.hidden);
    block.attention.key = unread_map(keys, sizes.hidden);
    block.attention.value = unread_map(keys, sizes.hidden);
    block.attention.output = unread_map(sizes.hidden, queries);
    block.attention.scale = usual_scale(sizes.head_dim);
    block.feed_forward = Gated{.gate = unread_map(sizes.feed_forward, sizes.hidden),
                               .up = unread_map(sizes.feed_forward, sizes.hidden),
                               .down = unread_map(sizes.hidden, sizes.feed_forward),
                               .activation = sizes.activation};
    parts.blocks.push_back(std::move(block));
  }
  return parts;
}

void add_biases(DecoderParts& parts, const Biases& biases) {
  const auto add = [](Linear& map) { map.bias = unread({map.weight.size(0)}); };
  for (auto& block : parts.blocks) {
    if (biases.attention || biases.inputs) {
      for (auto* map : {&block.attention.query, &block.attention.key, &block.attention.value}) add(*map);
    }
    if (biases.attention) add(block.attention.output);
    if (biases.feed_forward) {
      auto& gated = std::get<Gated>(block.feed_forward);
      for (auto* map : {&gated.gate, &gated.up, &gated.down}) add(*map);
    }
  }
}

namespace {

/// Whether each layer slides, by "layer_types" or else by the family's usual rule.
std::vector<bool> sliding_layers(const ConfigReader& config, std::int64_t layers, const Windows& windows) {
  std::vector<bool> slides;
  if (!config.has("layer_types")) {
    for (std::int64_t at = 0; at < layers; ++at) slides.push_back(windows.width > 0 && windows.usual(at));
    return slides;
  }
  const auto kinds = config.texts("layer_types");
  if (kinds.size() != static_cast<std::size_t>(layers)) {
    config.refuse("key 'layer_types': found " + std::to_string(kinds.size()) + " entries, expected " +
                  std::to_string(layers) + ", as num_hidden_layers says");
  }
  for (const auto& kind : kinds) {
    if (kind != "full_attention" && kind != "sliding_attention") {
      config.refuse("key 'layer_types': found '" + kind + "', expected full_attention or sliding_attention");
    }
    slides.push_back(kind == "sliding_attention");
  }
  return slides;
}

}  // namespace

void add_windows(DecoderParts& parts, const ConfigReader& config, const Windows& windows) {
  const auto slides = sliding_layers(config, static_cast<std::int64_t>(parts.blocks.size()), windows);
  for (std::size_t at = 0; at < slides.size(); ++at) {
    if (!slides[at]) continue;
    if (windows.width == 0) {
      config.refuse(
          "key 'layer_types': found sliding_attention but no window, expected the keys use_sliding_window and "
          "sliding_window");
    }
    parts.blocks[at].attention.window = windows.width;
    parts.blocks[at].attention.rope = windows.rope;
  }
}

Windows later_layers_slide(const ConfigReader& config) {
  const auto width = config.integer("sliding_window", 1, 1 << 26, 4096);
  const auto first = config.integer("max_window_layers", 0, 4096, 28);
  return {.width = config.flag("use_sliding_window", false) ? width : 0,
          .usual = [first](std::int64_t layer) { return layer >= first; },
          .rope = 0};
}

void add_one_to_norms(DecoderParts& parts) {
  const auto add = [](std::optional<Norm>& norm) {
    if (norm) norm->plus_one = true;
  };
  add(parts.embedding_norm);
  add(parts.norm);
  for (auto& block : parts.blocks) {
    for (auto* norm : norms_of(block)) add(*norm);
  }
}

double rounded_scale(double scale, at::ScalarType dtype) {
  return at::scalar_tensor(scale, at::dtype(dtype)).item<double>();
}

Family decoder_family(std::string name, std::string summary, std::vector<std::string> architectures,
                      const DescribeDecoder& describe) {
  Family family;
  family.name = std::move(name);
  family.summary = std::move(summary);
  family.architectures = std::move(architectures);
  family.build = [describe](const Json& config, const std::string& where, const Weights& weights,
                            const LoadSettings& settings) {
    const ConfigReader reader(config, where);
    auto parts = describe(reader, settings);
    reader.refuse_unread(arithmetic_keys());
    return build_decoder(std::move(parts), weights, settings, config.dump());
  };
  return family;
}

}  // namespace touchstone
