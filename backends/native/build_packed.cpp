#include "backends/native/packed_decoder.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

/// Several maps of one input as one.
struct Part {
  std::string name;
  std::int64_t out = 0;
};

/// Reads weights in float32; the products round them.
class Reader {
 public:
  Reader(const Weights& weights, const LoadSettings& settings, kernels::Type factors)
      : weights_(&weights), settings_(settings), factors_(factors) {
    settings_.storage = at::kFloat;
  }

  Tensor norm(const std::string& name, std::int64_t width) const {
    return weights_->get(name, {width}, settings_).contiguous();
  }

  PackedLinear join(const std::vector<Part>& parts, std::int64_t in, bool bias) const {
    std::vector<Tensor> rows;
    std::vector<Tensor> offsets;
    for (const auto& part : parts) {
      rows.push_back(weights_->get(part.name + ".weight", {part.out, in}, settings_));
      if (bias) offsets.push_back(weights_->get(part.name + ".bias", {part.out}, settings_));
    }
    return {at::cat(rows), bias ? at::cat(offsets) : Tensor(), factors_};
  }

 private:
  const Weights* weights_;
  LoadSettings settings_;
  kernels::Type factors_;
};

PackedLayer read_layer(const DecoderShape& shape, const Reader& read, const std::string& name) {
  const auto query = shape.heads * shape.head_dim;
  const auto key = shape.key_heads * shape.head_dim;
  const auto attention = name + "self_attn.";
  const auto mlp = name + "mlp.";
  PackedLayer layer;
  layer.input_norm = read.norm(name + "input_layernorm.weight", shape.hidden);
  layer.middle_norm = read.norm(name + "post_attention_layernorm.weight", shape.hidden);
  if (shape.sub_norms) {
    layer.attention_norm = read.norm(attention + "attn_sub_norm.weight", query);
    layer.product_norm = read.norm(mlp + "ffn_sub_norm.weight", shape.feed_forward);
  }
  layer.query_key_value =
      read.join({{attention + "q_proj", query}, {attention + "k_proj", key}, {attention + "v_proj", key}}, shape.hidden,
                shape.attention_bias);
  layer.output = read.join({{attention + "o_proj", shape.hidden}}, query, shape.attention_bias);
  layer.gate_up = read.join({{mlp + "gate_proj", shape.feed_forward}, {mlp + "up_proj", shape.feed_forward}},
                            shape.hidden, shape.feed_forward_bias);
  layer.down = read.join({{mlp + "down_proj", shape.hidden}}, shape.feed_forward, shape.feed_forward_bias);
  return layer;
}

}  // namespace

std::unique_ptr<Model> build_packed(const DecoderShape& shape, const Weights& weights, const LoadSettings& settings,
                                    const std::string& config_json) {
  const auto factors = settings.compute == at::kFloat ? kernels::Type::f32 : kernels::Type::bf16;
  const Reader read(weights, settings, factors);
  auto used = shape;
  PackedWeights all;
  all.embedding = weights.get("model.embed_tokens.weight", {shape.vocabulary, shape.hidden}, settings);
  auto head = all.embedding;
  if (!shape.tied || weights.has("lm_head.weight")) {
    head = weights.get("lm_head.weight", {shape.vocabulary, shape.hidden}, settings);
  }
  all.head = PackedLinear(head, Tensor(), factors);
  head = Tensor();
  for (std::int64_t at = 0; at < shape.layers; ++at) {
    all.layers.push_back(read_layer(shape, read, "model.layers." + std::to_string(at) + "."));
  }
  all.norm = read.norm("model.norm.weight", shape.hidden);
  return std::make_unique<PackedDecoder>(std::move(used), std::move(all), config_json, factors);
}

}  // namespace touchstone
