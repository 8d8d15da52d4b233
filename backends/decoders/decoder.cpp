#include "backends/decoders/decoder.hpp"

#include <algorithm>

#include "backends/layers/documents.hpp"
#include "backends/layers/plain.hpp"
#include "backends/layers/plain_cache.hpp"
#include "backends/layers/visit.hpp"
#include "backends/layers/wanted.hpp"
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

  bool late(bool turns) const { return turns && how.norms_after_rope; }

  /// What is done to a map's output [N, heads, d] before the rope, if there is one.
  Tensor before_rope(Tensor x, const std::optional<Norm>& norm, bool turns) const {
    if (!how.clip_after_norms) x = clipped(x);
    if (!late(turns)) x = with_norm(x, norm);
    return how.clip_after_norms ? clipped(x) : x;
  }

  /// What is done to it after that, before attention.
  Tensor after_rope(const Tensor& before, const std::optional<Norm>& norm, bool turns) const {
    auto x = laid_out(pass.documents, before);
    if (turns) x = turned(x);
    if (late(turns)) x = with_norm(x, norm);
    return x.to(pass.compute);
  }
};

/// What is looked at in one layer; null: it is not.
struct Watched {
  std::vector<Tensor>* probabilities = nullptr;
  QueryKeyValue* qkv = nullptr;
};

/// What attention of one document reads, with the cache's entries where there is one.
AttentionInputs with_past(const Pass& pass, const Attention& how, int number, int row, AttentionInputs inputs) {
  if (pass.cache == nullptr) return inputs;
  const auto& all = pass.cache->append(number, row, inputs.key, inputs.value);
  inputs.key = all.key;
  inputs.value = all.value;
  if (how.window > 0 && pass.cache->dropped(row)) inputs.positions = pass.cache->positions(row, number);
  return inputs;
}

Tensor self_attention(const Pass& pass, const Attention& how, int number, const Tensor& x, const Watched& watched) {
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
  const QueryKeyValue before{.query = heads.before_rope(query, how.query_norm, true),
                             .key = heads.before_rope(mapped(how.key, how.key_heads), how.key_norm, true),
                             .value = heads.before_rope(mapped(how.value, how.key_heads), how.value_norm, false)};
  if (watched.qkv != nullptr) *watched.qkv = before;
  const auto queries = heads.after_rope(before.query, how.query_norm, true);
  const auto keys = heads.after_rope(before.key, how.key_norm, true);
  const auto values = heads.after_rope(before.value, how.value_norm, false);
  std::vector<Tensor> mixed;
  for (std::size_t row = 0; row < pass.documents.count.size(); ++row) {
    const auto count = pass.documents.count[row];
    if (count == 0) continue;
    const auto start = pass.documents.starts[row];
    const auto inputs = with_past(pass, how, number, static_cast<int>(row),
                                  {.query = queries.narrow(0, start, count),
                                   .key = keys.narrow(0, start, count),
                                   .value = values.narrow(0, start, count)});
    Tensor seen;
    mixed.push_back(attend(inputs, how, watched.probabilities == nullptr ? nullptr : &seen));
    if (watched.probabilities != nullptr) watched.probabilities->push_back(seen);
  }
  auto y = taken_back(pass.documents, mixed.size() == 1 ? mixed.front() : at::cat(mixed)).to(at::kFloat);
  if (gate.defined()) y = y * at::sigmoid(gate);
  if (how.output_norm) y = normed(y, *how.output_norm, pass.compute);
  return linear(y, how.output, pass.compute);
}

Tensor normed_if(const Tensor& x, const std::optional<Norm>& norm, at::ScalarType compute) {
  return norm ? normed(x, *norm, compute) : x;
}

Tensor block_forward(const Pass& pass, const Block& block, int number, const Tensor& x, const Watched& watched) {
  const auto added = [&](const Tensor& y, const std::optional<Norm>& after) {
    const auto all = normed_if(y, after, pass.compute);
    return block.residual_scale == 1.0 ? all : all * block.residual_scale;
  };
  const auto read = normed_if(x, block.attention_before, pass.compute);
  const auto mixed = added(self_attention(pass, block.attention, number, read, watched), block.attention_after);
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
  // What answers has a cache, which the training kernels do not know.
  if (!fast_lacks_.empty()) return;
  // The kernels are for float32 weights in this processor's memory.
  if (settings_.plain_operators || !settings_.device.is_cpu() || settings_.storage != at::kFloat) return;
  const auto lacks = fused_declines(parts_, settings_.compute);
  fuses_ = lacks.empty();
  fast_lacks_ = lacks;
}

Decoder::~Decoder() = default;

FusedLayers& Decoder::fused() const {
  if (fused_ == nullptr) fused_ = std::make_unique<FusedLayers>(parts_, settings_.compute);
  return *fused_;
}

std::string Decoder::kernels(const Want& want) const {
  if (fuses_ && want.attention_layers.empty()) return fused_kernels();
  const auto& lacks = fuses_ ? std::string("attention probabilities") : fast_lacks_;
  return lacks.empty() ? "operators" : "operators (kernels lack " + lacks + ")";
}

Outputs Decoder::forward(const Inputs& inputs, const Want& want, Cache* cache) {
  const auto depth = layers_run(*this, want.depth);
  check_layers(want, depth);
  if (cache != nullptr || !want.attention_layers.empty() || !fuses_) return with_operators(inputs, want, depth, cache);
  Outputs outputs;
  const auto hidden = fused().run(inputs, documents_of(inputs, cache), want, depth, rows_read(want, depth), outputs);
  give_last(*this, want, depth, hidden, outputs);
  return outputs;
}

Outputs Decoder::with_operators(const Inputs& inputs, const Want& want, int depth, Cache* cache) const {
  auto* const plain = dynamic_cast<PlainCache*>(cache);
  require(cache == nullptr || plain != nullptr, Fault::internal, "a cache of another model");
  const auto documents = documents_of(inputs, cache);
  std::vector<RopeTables> tables;
  for (const auto& rope : parts_.ropes) {
    tables.push_back(rope_tables(rope, documents.past, documents.count, settings_.device));
  }
  const Pass pass{parts_, settings_.compute, documents, tables, plain};
  Outputs outputs;
  make_room(want, outputs);
  const auto rows = [](const Tensor& x, const Tensor& at) { return at.defined() ? x.index_select(0, at) : x; };
  const auto keep = [&](const Tensor& x, int number) {
    if (auto* state = slot_of(outputs.hidden_layers, want.hidden_layers, number)) *state = x;
    if (auto* exit = slot_of(outputs.exits, want.exits, number)) {
      *exit = rows(normed_if(x, parts_.norm, settings_.compute), want.hidden_at);
    }
  };
  auto x = embedded(parts_, at::embedding(embedding_of(parts_), inputs.tokens).to(at::kFloat), inputs, documents);
  keep(x, 0);
  if (want.logits_at.defined() && want.logits_at.size(0) == 0 && x.size(0) == 0) return outputs;
  for (int number = 0; number < depth; ++number) {
    const Watched watched{.probabilities = slot_of(outputs.attention, want.attention_layers, number),
                          .qkv = slot_of(outputs.qkv, want.qkv_layers, number)};
    x = block_forward(pass, parts_.blocks[static_cast<std::size_t>(number)], number, x, watched);
    keep(x, number + 1);
  }
  const auto hidden = normed_if(x, parts_.norm, settings_.compute);
  if (want.hidden) outputs.hidden = rows(hidden, want.hidden_at);
  if (want.logits) {
    const auto read = rows(hidden, want.logits_at);
    outputs.logits = finished_logits(parts_, linear(read, parts_.head, settings_.compute));
  }
  return outputs;
}

std::unique_ptr<Cache> Decoder::make_cache(int rows, int depth) const {
  return std::make_unique<PlainCache>(layers_run(*this, depth), rows);
}

Tensor Decoder::embeddings(const Tensor& tokens) const {
  return token_rows(parts_, at::embedding(embedding_of(parts_), tokens).to(at::kFloat));
}

Tensor Decoder::project(const Tensor& hidden) const {
  return finished_logits(parts_, fuses_ ? fused().project(hidden) : linear(hidden, parts_.head, settings_.compute));
}

std::int64_t Decoder::cache_bytes_per_token(int depth) const {
  std::int64_t numbers = 0;
  for (int number = 0; number < layers_run(*this, depth); ++number) {
    const auto& how = parts_.blocks[static_cast<std::size_t>(number)].attention;
    numbers += 2 * how.key_heads * how.head_dim;
  }
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
    return "cannot drop layers " + std::to_string(first) + " to " + std::to_string(first + count - 1) +
           ": found a model of " + std::to_string(before) + " layers, of which at least one must stay";
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
    lacks = packed_declines(parts, settings.compute, settings.cache);
    if (lacks.empty()) return build_packed(std::move(parts), weights, settings, config_json);
  }
  read_parts(parts, weights, settings);
  return std::make_unique<Decoder>(std::move(parts), settings, config_json, lacks);
}

}  // namespace touchstone
