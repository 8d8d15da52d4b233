#include <cmath>

#include "backends/decoders/decoder_config.hpp"

namespace touchstone {
namespace {

/// "Gemma 3 Technical Report", arXiv:2503.19786, in the layout of transformers' Gemma3ForCausalLM: norms with 1 + w
/// before and after each part and of each head's queries and keys, scaled embeddings, and two ropes: layers with a
/// window use the second one.
DecoderParts describe_gemma3_text(const ConfigReader& config, const LoadSettings& settings) {
  const auto sizes = read_decoder_sizes(config, {.activation_key = "hidden_activation",
                                                 .activation = "gelu_pytorch_tanh",
                                                 .head_dim = 256,
                                                 .max_length = 131072,
                                                 .tied = true});
  auto parts = llama_parts(sizes);
  const RopeDefaults full{
      .dims = sizes.head_dim, .max_positions = sizes.max_length, .theta = 1e6, .layer_type = "full_attention"};
  auto local = full;
  local.theta = 10000.0;
  local.theta_key = "rope_local_base_freq";
  local.scaled = false;
  local.layer_type = "sliding_attention";
  parts.ropes = {read_rope(config, full), read_rope(config, local)};
  parts.embedding_scale = rounded_scale(std::sqrt(static_cast<double>(sizes.hidden)), settings.storage);
  parts.logit_cap = config.number("final_logit_softcapping", 0, 1e6, 0.0);
  // Version 5.24 of transformers reads this key but does not use it; no published file has it.
  if (config.has("attn_logit_softcapping")) config.refuse("key 'attn_logit_softcapping': found a value, expected null");
  if (config.flag("use_bidirectional_attention", false)) {
    config.refuse(
        "key 'use_bidirectional_attention': found true, expected false: this is an encoder, which does not write");
  }
  add_biases(parts, {.attention = config.flag("attention_bias", false)});
  const auto period =
      config.integer("sliding_window_pattern", 1, 4096, config.integer("_sliding_window_pattern", 1, 4096, 6));
  add_windows(parts, config,
              {.width = config.integer("sliding_window", 1, 1 << 26, 4096),
               .usual = [period](std::int64_t layer) { return (layer + 1) % period != 0; },
               .rope = 1});
  const auto scale = 1.0 / std::sqrt(config.number("query_pre_attn_scalar", 1e-3, 1e6, 256.0));
  for (auto& block : parts.blocks) {
    block.attention_after = block.attention_before;
    block.feed_after = block.feed_before;
    block.attention.query_norm = block.attention.key_norm = unread_norm(sizes.head_dim, sizes.norm_epsilon);
    block.attention.scale = scale;
  }
  add_one_to_norms(parts);
  parts.names.block.attention_after = "post_attention_layernorm";
  parts.names.block.feed_before = "pre_feedforward_layernorm";
  parts.names.block.feed_after = "post_feedforward_layernorm";
  return parts;
}

}  // namespace

namespace plugins {
void gemma3_text(FamilyBook& book) {
  book.add("gemma3_text", decoder_family("gemma3_text", "Gemma 3 without pictures: norms around each part, two ropes",
                                         {"Gemma3ForCausalLM"}, describe_gemma3_text));
}
}  // namespace plugins
}  // namespace touchstone
