#include "backends/layers/decoder.hpp"

#include <algorithm>

#include "backends/layers/documents.hpp"
#include "backends/layers/plain_cache.hpp"
#include "backends/native/fused_decoder.hpp"
#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

/// One forward pass through the layers; what they all need.
struct Pass {
  const DecoderShape& shape;
  at::ScalarType compute;
  const Documents& documents;
  const RopeTables& tables;
  PlainCache* cache;
};

Tensor self_attention(const Pass& pass, const DecoderLayer& layer, int number, const Tensor& x,
                      std::vector<Tensor>* probabilities) {
  const auto tokens = x.size(0);
  const auto width = pass.shape.head_dim;
  const auto mapped = [&](const Linear& map, std::int64_t heads) {
    return laid_out(pass.documents, linear(x, map, pass.compute).view({tokens, heads, width}));
  };
  const auto query = apply_rope(mapped(layer.query, pass.shape.heads), pass.tables);
  const auto key = apply_rope(mapped(layer.key, pass.shape.key_heads), pass.tables);
  const auto value = mapped(layer.value, pass.shape.key_heads);
  const auto queries = query.to(pass.compute);
  const auto keys = key.to(pass.compute);
  const auto values = value.to(pass.compute);
  std::vector<Tensor> mixed;
  for (std::size_t row = 0; row < pass.documents.count.size(); ++row) {
    const auto count = pass.documents.count[row];
    if (count == 0) continue;
    const auto start = pass.documents.starts[row];
    AttentionInputs inputs{.query = queries.narrow(0, start, count),
                           .key = keys.narrow(0, start, count),
                           .value = values.narrow(0, start, count)};
    if (pass.cache != nullptr) {
      const auto& all = pass.cache->append(number, static_cast<int>(row), inputs.key, inputs.value);
      inputs.key = all.key;
      inputs.value = all.value;
    }
    Tensor seen;
    mixed.push_back(attention(inputs, probabilities == nullptr ? nullptr : &seen));
    if (probabilities != nullptr) probabilities->push_back(seen);
  }
  auto y = taken_back(pass.documents, mixed.size() == 1 ? mixed.front() : at::cat(mixed)).to(at::kFloat);
  if (layer.attention_norm.defined()) y = rms_norm(y, layer.attention_norm, pass.shape.norm_epsilon);
  return linear(y, layer.output, pass.compute);
}

Tensor feed_forward(const Pass& pass, const DecoderLayer& layer, const Tensor& x) {
  auto y = activate(linear(x, layer.gate, pass.compute), pass.shape.activation) * linear(x, layer.up, pass.compute);
  if (layer.product_norm.defined()) y = rms_norm(y, layer.product_norm, pass.shape.norm_epsilon);
  return linear(y, layer.down, pass.compute);
}

Linear copy(const Linear& map) {
  Linear result{.weight = map.weight.detach().clone(), .bias = map.bias, .deltas = {}};
  if (map.bias.defined()) result.bias = map.bias.detach().clone();
  // A copy stands still: what the deltas say now becomes part of its weights.
  for (const auto& delta : map.deltas) result.weight += delta->dense().detach().to(result.weight.scalar_type());
  return result;
}

Tensor copy(const Tensor& tensor) { return tensor.defined() ? tensor.detach().clone() : tensor; }

}  // namespace

Decoder::Decoder(DecoderShape shape, DecoderWeights weights, const LoadSettings& settings, std::string config_json)
    : shape_(std::move(shape)),
      weights_(std::move(weights)),
      settings_(settings),
      config_json_(std::move(config_json)) {}

Decoder::~Decoder() = default;

/// The kernels are for float32 weights in this processor's memory and the usual form of a layer.
bool Decoder::can_fuse() const {
  return !settings_.plain_operators && settings_.device.is_cpu() && settings_.storage == at::kFloat &&
         shape_.activation == Activation::silu && !shape_.sub_norms;
}

FusedLayers& Decoder::fused() const {
  if (fused_ == nullptr) fused_ = std::make_unique<FusedLayers>(shape_, weights_, settings_.compute);
  return *fused_;
}

std::string Decoder::kernels() const { return can_fuse() ? fused_kernels() : "operators"; }

Tensor Decoder::embed(const Inputs& inputs) const {
  const auto& table = shape_.tied ? weights_.head.weight : weights_.embedding;
  auto x = at::embedding(table, inputs.tokens).to(at::kFloat);
  if (inputs.soft.defined()) x = x.index_copy(0, inputs.soft_at, inputs.soft.to(at::kFloat));
  return x;
}

Outputs Decoder::forward(const Inputs& inputs, const Want& want, Cache* cache) {
  auto* const plain = dynamic_cast<PlainCache*>(cache);
  require(cache == nullptr || plain != nullptr, Fault::internal, [] { return "a cache of another model"; });
  const auto documents = documents_of(inputs, cache);
  Outputs outputs;
  if (cache == nullptr && !want.all_hidden && want.attention_layers.empty() && can_fuse()) {
    // Past the last attention only the rows that are read matter.
    const bool few = want.logits ? want.logits_at.defined() && !want.hidden : want.hidden_at.defined();
    const auto rows = few ? (want.logits ? want.logits_at : want.hidden_at) : Tensor();
    const auto hidden = fused().hidden(inputs, documents, rows);
    const auto pick = [&](const Tensor& at) { return few || !at.defined() ? hidden : hidden.index_select(0, at); };
    if (want.hidden) outputs.hidden = pick(want.hidden_at);
    if (want.logits) outputs.logits = project(pick(want.logits_at));
    return outputs;
  }
  const auto tables = rope_tables(shape_.rope, documents.past, documents.count, settings_.device);
  const Pass pass{shape_, settings_.compute, documents, tables, plain};
  auto x = embed(inputs);
  if (want.all_hidden) outputs.all_hidden.push_back(x);
  if (want.logits_at.defined() && want.logits_at.size(0) == 0 && x.size(0) == 0) return outputs;
  std::map<int, std::vector<Tensor>> attention_of;
  for (int number = 0; number < layers(); ++number) {
    const auto& layer = weights_.layers[static_cast<std::size_t>(number)];
    const auto watched =
        std::find(want.attention_layers.begin(), want.attention_layers.end(), number) != want.attention_layers.end();
    x = x + self_attention(pass, layer, number, rms_norm(x, layer.input_norm, shape_.norm_epsilon),
                           watched ? &attention_of[number] : nullptr);
    x = x + feed_forward(pass, layer, rms_norm(x, layer.middle_norm, shape_.norm_epsilon));
    if (want.all_hidden) outputs.all_hidden.push_back(x);
  }
  for (const auto number : want.attention_layers) outputs.attention.push_back(attention_of[number]);
  const auto hidden = rms_norm(x, weights_.norm, shape_.norm_epsilon);
  if (want.hidden) outputs.hidden = want.hidden_at.defined() ? hidden.index_select(0, want.hidden_at) : hidden;
  if (want.logits) {
    const auto read = want.logits_at.defined() ? hidden.index_select(0, want.logits_at) : hidden;
    outputs.logits = linear(read, weights_.head, settings_.compute);
  }
  return outputs;
}

std::unique_ptr<Cache> Decoder::make_cache(int rows) const { return std::make_unique<PlainCache>(layers(), rows); }

Tensor Decoder::project(const Tensor& hidden) const {
  return can_fuse() ? fused().project(hidden) : linear(hidden, weights_.head, settings_.compute);
}

std::int64_t Decoder::cache_bytes_per_token() const {
  const auto width = settings_.compute == at::kFloat ? 4 : 2;
  return 2 * width * shape_.key_heads * shape_.head_dim * layers();
}

std::map<std::string, Linear*> Decoder::linears() {
  std::map<std::string, Linear*> all;
  for (std::size_t at = 0; at < weights_.layers.size(); ++at) {
    auto& layer = weights_.layers[at];
    const auto name = "model.layers." + std::to_string(at) + ".";
    all[name + "self_attn.q_proj"] = &layer.query;
    all[name + "self_attn.k_proj"] = &layer.key;
    all[name + "self_attn.v_proj"] = &layer.value;
    all[name + "self_attn.o_proj"] = &layer.output;
    all[name + "mlp.gate_proj"] = &layer.gate;
    all[name + "mlp.up_proj"] = &layer.up;
    all[name + "mlp.down_proj"] = &layer.down;
  }
  return all;
}

std::map<std::string, Tensor*> Decoder::parameters() {
  std::map<std::string, Tensor*> all;
  for (const auto& [name, map] : linears()) {
    all[name + ".weight"] = &map->weight;
    if (map->bias.defined()) all[name + ".bias"] = &map->bias;
  }
  for (std::size_t at = 0; at < weights_.layers.size(); ++at) {
    auto& layer = weights_.layers[at];
    const auto name = "model.layers." + std::to_string(at) + ".";
    all[name + "input_layernorm.weight"] = &layer.input_norm;
    all[name + "post_attention_layernorm.weight"] = &layer.middle_norm;
    if (layer.attention_norm.defined()) all[name + "self_attn.attn_sub_norm.weight"] = &layer.attention_norm;
    if (layer.product_norm.defined()) all[name + "mlp.ffn_sub_norm.weight"] = &layer.product_norm;
  }
  all["model.norm.weight"] = &weights_.norm;
  all["model.embed_tokens.weight"] = shape_.tied ? &weights_.head.weight : &weights_.embedding;
  if (!shape_.tied) all["lm_head.weight"] = &weights_.head.weight;
  return all;
}

std::unique_ptr<Model> Decoder::clone() const {
  DecoderWeights weights;
  weights.embedding = copy(weights_.embedding);
  weights.norm = copy(weights_.norm);
  weights.head = copy(weights_.head);
  for (const auto& layer : weights_.layers) {
    weights.layers.push_back({.input_norm = copy(layer.input_norm),
                              .attention_norm = copy(layer.attention_norm),
                              .middle_norm = copy(layer.middle_norm),
                              .product_norm = copy(layer.product_norm),
                              .query = copy(layer.query),
                              .key = copy(layer.key),
                              .value = copy(layer.value),
                              .output = copy(layer.output),
                              .gate = copy(layer.gate),
                              .up = copy(layer.up),
                              .down = copy(layer.down)});
  }
  return std::make_unique<Decoder>(shape_, std::move(weights), settings_, config_json_);
}

void Decoder::drop_layers(int first, int count) {
  require(first >= 0 && count >= 0 && count < layers() && first + count <= layers(), Fault::config, [&] {
    return "cannot drop " + std::to_string(count) + " layers from " + std::to_string(first) + " on of " +
           std::to_string(layers());
  });
  weights_.layers.erase(weights_.layers.begin() + first, weights_.layers.begin() + first + count);
  shape_.layers = layers();
  fused_.reset();
}

std::string Decoder::config_json() const {
  auto config = Json::parse(config_json_);
  config["num_hidden_layers"] = layers();
  return config.dump(2) + "\n";
}

}  // namespace touchstone
