#include "backends/decoders/decoder.hpp"

#include <algorithm>

#include "backends/layers/documents.hpp"
#include "backends/layers/plain.hpp"
#include "backends/layers/plain_cache.hpp"
#include "backends/layers/visit.hpp"
#include "backends/native/fused_decoder.hpp"
#include "backends/native/packed_decoder.hpp"
#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

/// The shared state of one forward pass through the layers on operators.
struct Pass {
  const DecoderParts& parts;
  at::ScalarType compute;
  const Documents& documents;
  const std::vector<RopeTables>& tables;
  PlainCache* cache;
};

/// Queries, keys or values of some tokens, [N, heads, d] float32.
struct Heads {
  const Pass& pass;
  const Attention& how;

  Tensor clipped(const Tensor& x) const { return how.clip > 0.0 ? x.clamp(-how.clip, how.clip) : x; }

  Tensor with_norm(const Tensor& x, const std::optional<Norm>& norm) const {
    if (!norm) return x;
    return how.whole_norms ? normed(x.flatten(1), *norm, pass.compute).view(x.sizes()) : normed(x, *norm, pass.compute);
  }

  Tensor turned(const Tensor& x) const {
    if (how.rope < 0) return x;
    const auto which = static_cast<std::size_t>(how.rope);
    return apply_rope(x, pass.parts.ropes[which], pass.tables[which]);
  }

  /// Clips and norms a map's output [N, heads, d] before attention.
  Tensor prepared(Tensor x, const std::optional<Norm>& norm, bool turns) const {
    if (!how.clip_after_norms) x = clipped(x);
    const bool late = turns && how.norms_after_rope;
    if (!late) x = with_norm(x, norm);
    if (how.clip_after_norms) x = clipped(x);
    x = laid_out(pass.documents, x);
    if (turns) x = turned(x);
    if (late) x = with_norm(x, norm);
    return x.to(pass.compute);
  }
};

Tensor self_attention(const Pass& pass, const Attention& how, int number, const Tensor& x,
                      std::vector<Tensor>* probabilities) {
  const Heads heads{pass, how};
  const auto tokens = x.size(0);
  const auto mapped = [&](const Linear& map, std::int64_t count) {
    return linear(x, map, pass.compute).view({tokens, count, -1});
  };
  auto query = mapped(how.query, how.heads);
  Tensor gate;
  if (how.output_gate) {
    gate = query.narrow(-1, how.head_dim, how.head_dim).flatten(1);
    query = query.narrow(-1, 0, how.head_dim);
  }
  const auto queries = heads.prepared(query, how.query_norm, true);
  const auto keys = heads.prepared(mapped(how.key, how.key_heads), how.key_norm, true);
  const auto values = heads.prepared(mapped(how.value, how.key_heads), how.value_norm, false);
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
    mixed.push_back(attend(inputs, how, probabilities == nullptr ? nullptr : &seen));
    if (probabilities != nullptr) probabilities->push_back(seen);
  }
  auto y = taken_back(pass.documents, mixed.size() == 1 ? mixed.front() : at::cat(mixed)).to(at::kFloat);
  if (gate.defined()) y = y * at::sigmoid(gate);
  if (how.output_norm) y = normed(y, *how.output_norm, pass.compute);
  return linear(y, how.output, pass.compute);
}

Tensor normed_if(const Tensor& x, const std::optional<Norm>& norm, at::ScalarType compute) {
  return norm ? normed(x, *norm, compute) : x;
}

Tensor block_forward(const Pass& pass, const Block& block, int number, const Tensor& x,
                     std::vector<Tensor>* probabilities) {
  const auto added = [&](const Tensor& y, const std::optional<Norm>& after) {
    const auto all = normed_if(y, after, pass.compute);
    return block.residual_scale == 1.0 ? all : all * block.residual_scale;
  };
  const auto read = normed_if(x, block.attention_before, pass.compute);
  const auto mixed = added(self_attention(pass, block.attention, number, read, probabilities), block.attention_after);
  if (block.parallel) {
    const auto own = block.feed_before ? normed(x, *block.feed_before, pass.compute) : read;
    return x + mixed + added(feed_forward(own, block.feed_forward, pass.compute), block.feed_after);
  }
  const auto middle = x + mixed;
  const auto own = normed_if(middle, block.feed_before, pass.compute);
  return middle + added(feed_forward(own, block.feed_forward, pass.compute), block.feed_after);
}

}  // namespace

Decoder::Decoder(DecoderParts parts, const LoadSettings& settings, std::string config_json, std::string fast_lacks)
    : parts_(std::move(parts)),
      settings_(settings),
      config_json_(std::move(config_json)),
      fast_lacks_(std::move(fast_lacks)) {
  // The kernels are for float32 weights in this processor's memory.
  if (settings_.plain_operators || !settings_.device.is_cpu() || settings_.storage != at::kFloat) return;
  const auto lacks = fused_declines(parts_, settings_.compute);
  fuses_ = lacks.empty();
  if (fast_lacks_.empty()) fast_lacks_ = lacks;
}

Decoder::~Decoder() = default;

FusedLayers& Decoder::fused() const {
  if (fused_ == nullptr) fused_ = std::make_unique<FusedLayers>(parts_, settings_.compute);
  return *fused_;
}

std::string Decoder::kernels() const {
  if (fuses_) return fused_kernels();
  return fast_lacks_.empty() ? "operators" : "operators (kernels lack " + fast_lacks_ + ")";
}

Outputs Decoder::forward(const Inputs& inputs, const Want& want, Cache* cache) {
  if (cache != nullptr || want.all_hidden || !want.attention_layers.empty() || !fuses_) {
    return with_operators(inputs, want, cache);
  }
  // Past the last attention only the rows that are read matter.
  const bool few = want.logits ? want.logits_at.defined() && !want.hidden : want.hidden_at.defined();
  const auto rows = few ? (want.logits ? want.logits_at : want.hidden_at) : Tensor();
  const auto hidden = fused().hidden(inputs, documents_of(inputs, cache), rows);
  const auto pick = [&](const Tensor& at) { return few || !at.defined() ? hidden : hidden.index_select(0, at); };
  Outputs outputs;
  if (want.hidden) outputs.hidden = pick(want.hidden_at);
  if (want.logits) outputs.logits = project(pick(want.logits_at));
  return outputs;
}

Outputs Decoder::with_operators(const Inputs& inputs, const Want& want, Cache* cache) const {
  auto* const plain = dynamic_cast<PlainCache*>(cache);
  require(cache == nullptr || plain != nullptr, Fault::internal, [] { return "a cache of another model"; });
  const auto documents = documents_of(inputs, cache);
  std::vector<RopeTables> tables;
  for (const auto& rope : parts_.ropes) {
    tables.push_back(rope_tables(rope, documents.past, documents.count, settings_.device));
  }
  const Pass pass{parts_, settings_.compute, documents, tables, plain};
  Outputs outputs;
  auto x = embedded(parts_, at::embedding(embedding_of(parts_), inputs.tokens).to(at::kFloat), inputs, documents);
  if (want.all_hidden) outputs.all_hidden.push_back(x);
  if (want.logits_at.defined() && want.logits_at.size(0) == 0 && x.size(0) == 0) return outputs;
  std::map<int, std::vector<Tensor>> attention_of;
  for (int number = 0; number < layers(); ++number) {
    const auto watched =
        std::find(want.attention_layers.begin(), want.attention_layers.end(), number) != want.attention_layers.end();
    x = block_forward(pass, parts_.blocks[static_cast<std::size_t>(number)], number, x,
                      watched ? &attention_of[number] : nullptr);
    if (want.all_hidden) outputs.all_hidden.push_back(x);
  }
  for (const auto number : want.attention_layers) outputs.attention.push_back(attention_of[number]);
  const auto hidden = normed_if(x, parts_.norm, settings_.compute);
  if (want.hidden) outputs.hidden = want.hidden_at.defined() ? hidden.index_select(0, want.hidden_at) : hidden;
  if (want.logits) {
    const auto read = want.logits_at.defined() ? hidden.index_select(0, want.logits_at) : hidden;
    outputs.logits = finished_logits(parts_, linear(read, parts_.head, settings_.compute));
  }
  return outputs;
}

std::unique_ptr<Cache> Decoder::make_cache(int rows) const { return std::make_unique<PlainCache>(layers(), rows); }

Tensor Decoder::embeddings(const Tensor& tokens) const {
  return token_rows(parts_, at::embedding(embedding_of(parts_), tokens).to(at::kFloat));
}

Tensor Decoder::project(const Tensor& hidden) const {
  return finished_logits(parts_, fuses_ ? fused().project(hidden) : linear(hidden, parts_.head, settings_.compute));
}

std::int64_t Decoder::cache_bytes_per_token() const {
  std::int64_t numbers = 0;
  for (const auto& block : parts_.blocks) numbers += 2 * block.attention.key_heads * block.attention.head_dim;
  return numbers * (settings_.compute == at::kFloat ? 4 : 2);
}

std::map<std::string, Linear*> Decoder::linears() { return named_maps(parts_); }

std::map<std::string, Tensor*> Decoder::parameters() { return named_tensors(parts_); }

std::unique_ptr<Model> Decoder::clone() const {
  return std::make_unique<Decoder>(copy_of(parts_), settings_, config_json_, fast_lacks_);
}

void Decoder::drop_layers(int first, int count) {
  const auto before = layers();
  require(first >= 0 && count >= 0 && count < before && first + count <= before, Fault::config, [&] {
    return "cannot drop " + std::to_string(count) + " layers from " + std::to_string(first) + " on of " +
           std::to_string(before);
  });
  parts_.blocks.erase(parts_.blocks.begin() + first, parts_.blocks.begin() + first + count);
  auto config = Json::parse(config_json_);
  for (const auto* key : {"layer_types", "no_rope_layers"}) {  // lists with an entry a layer
    if (!config.contains(key) || config[key].size() != static_cast<std::size_t>(before)) continue;
    config[key].erase(config[key].begin() + first, config[key].begin() + first + count);
  }
  config_json_ = config.dump();
  fused_.reset();
}

std::string Decoder::config_json() const {
  auto config = Json::parse(config_json_);
  config["num_hidden_layers"] = layers();
  return config.dump(2) + "\n";
}

std::unique_ptr<Model> build_decoder(DecoderParts parts, const Weights& weights, const LoadSettings& settings,
                                     const std::string& config_json) {
  std::string lacks;
  if (settings.answering && !settings.plain_operators && settings.device.is_cpu()) {
    lacks = packed_declines(parts, settings.compute);
    if (lacks.empty()) return build_packed(std::move(parts), weights, settings, config_json);
  }
  read_parts(parts, weights, settings);
  return std::make_unique<Decoder>(std::move(parts), settings, config_json, lacks);
}

}  // namespace touchstone
