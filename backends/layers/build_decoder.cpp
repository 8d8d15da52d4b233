#include "backends/layers/decoder.hpp"
#include "backends/native/packed_decoder.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

Linear read_linear(const Weights& weights, const LoadSettings& settings, const std::string& name, std::int64_t out,
                   std::int64_t in, bool bias) {
  Linear map;
  map.weight = weights.get(name + ".weight", {out, in}, settings);
  if (bias) map.bias = weights.get(name + ".bias", {out}, settings);
  return map;
}

DecoderLayer read_layer(const DecoderShape& shape, const Weights& weights, const LoadSettings& settings,
                        const std::string& name) {
  const auto query = shape.heads * shape.head_dim;
  const auto key = shape.key_heads * shape.head_dim;
  const auto read = [&](const std::string& part, std::int64_t out, std::int64_t in, bool bias) {
    return read_linear(weights, settings, name + part, out, in, bias);
  };
  DecoderLayer layer;
  layer.input_norm = weights.get(name + "input_layernorm.weight", {shape.hidden}, settings);
  layer.middle_norm = weights.get(name + "post_attention_layernorm.weight", {shape.hidden}, settings);
  if (shape.sub_norms) {
    layer.attention_norm = weights.get(name + "self_attn.attn_sub_norm.weight", {query}, settings);
    layer.product_norm = weights.get(name + "mlp.ffn_sub_norm.weight", {shape.feed_forward}, settings);
  }
  layer.query = read("self_attn.q_proj", query, shape.hidden, shape.attention_bias);
  layer.key = read("self_attn.k_proj", key, shape.hidden, shape.attention_bias);
  layer.value = read("self_attn.v_proj", key, shape.hidden, shape.attention_bias);
  layer.output = read("self_attn.o_proj", shape.hidden, query, shape.attention_bias);
  layer.gate = read("mlp.gate_proj", shape.feed_forward, shape.hidden, shape.feed_forward_bias);
  layer.up = read("mlp.up_proj", shape.feed_forward, shape.hidden, shape.feed_forward_bias);
  layer.down = read("mlp.down_proj", shape.hidden, shape.feed_forward, shape.feed_forward_bias);
  return layer;
}

}  // namespace

std::unique_ptr<Model> build_decoder(const DecoderShape& shape, const Weights& weights, const LoadSettings& settings,
                                     const std::string& config_json) {
  if (settings.answering && !settings.plain_operators && settings.device.is_cpu()) {
    return build_packed(shape, weights, settings, config_json);
  }
  auto used = shape;
  DecoderWeights all;
  const auto embedding = weights.get("model.embed_tokens.weight", {shape.vocabulary, shape.hidden}, settings);
  // transformers ties the two only when the file does not hold a head of its own that differs.
  if (shape.tied && weights.has("lm_head.weight")) {
    const auto head = weights.get("lm_head.weight", {shape.vocabulary, shape.hidden}, settings);
    used.tied = at::equal(head, embedding);
  }
  if (used.tied) {
    all.head.weight = embedding;
  } else {
    all.embedding = embedding;
    all.head.weight = weights.get("lm_head.weight", {shape.vocabulary, shape.hidden}, settings);
  }
  for (std::int64_t at = 0; at < shape.layers; ++at) {
    all.layers.push_back(read_layer(shape, weights, settings, "model.layers." + std::to_string(at) + "."));
  }
  all.norm = weights.get("model.norm.weight", {shape.hidden}, settings);
  return std::make_unique<Decoder>(std::move(used), std::move(all), settings, config_json);
}

}  // namespace touchstone
