#include "backends/native/packed_decoder.hpp"

#include <algorithm>
#include <cmath>

#include "backends/layers/plain.hpp"
#include "backends/layers/visit.hpp"
#include "backends/layers/wanted.hpp"
#include "backends/native/fused_decoder.hpp"
#include "backends/native/scale.hpp"
#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

/// Buffers of a pass, named by their contents.
enum class Buffer : std::size_t { x, normed, wide, mixed, delta, second, scale, scratch, count };

[[noreturn]] void refuse() {
  throw Error(Fault::internal, "a model that was opened for answering does not give its weights away");
}

}  // namespace

/// One forward pass: its rows and where their values lie.
struct PackedDecoder::Pass {
  const Documents& documents;
  PagedCache& cache;
  std::int64_t rows = 0;
  float* delta = nullptr;  ///< the last part's addition, not yet in x; null at first
  std::vector<void*> keys{};
  std::vector<void*> values{};

  Memory& block(Buffer which) { return cache.workspace[static_cast<std::size_t>(which)]; }
  float* floats(Buffer which, std::int64_t width) {
    block(which).reserve(rows * width * 4);
    return block(which).floats();
  }
  Memory& scratch() { return block(Buffer::scratch); }

  /// y = norm(x), `count` contiguous rows; y may be x. With `added`, x becomes x + added first.
  void normalise(const Norm& norm, float* x, const float* added, std::int64_t count, float* y) {
    const auto width = norm.weight.numel();
    if (norm.kind == Norm::Kind::layer) {
      if (added != nullptr) add(x, added, count * width);
      layer_norm(norm, x, count, y);
      return;
    }
    block(Buffer::scale).reserve(count * 4);
    kernels::NormForward call;
    call.rows = count;
    call.width = width;
    call.x = x;
    call.delta = added;
    call.sum = x;
    call.weight = norm.weight.const_data_ptr<float>();
    call.epsilon = static_cast<float>(norm.epsilon);
    call.y = y;
    call.scale = block(Buffer::scale).floats();
    kernels::chosen().norm_forward(call);
  }

  /// The sum of x and the pending addition, through a norm into the buffer of that name, or unchanged.
  float* take(const std::optional<Norm>& norm, float* x, std::int64_t width) {
    if (!norm) {
      if (delta != nullptr) add(x, delta, rows * width);
      delta = nullptr;
      return x;
    }
    float* const y = floats(Buffer::normed, width);
    normalise(*norm, x, delta, rows, y);
    delta = nullptr;
    return y;
  }

  /// Finishes a part's addition, `y` of `rows` rows, in place.
  float* added(const Block& from, float* y, const std::optional<Norm>& after, std::int64_t width) {
    if (after) normalise(*after, y, nullptr, rows, y);
    if (from.residual_scale != 1.0) {
      const auto scale = static_cast<float>(from.residual_scale);
      for (std::int64_t at = 0; at < rows * width; ++at) y[at] *= scale;
    }
    return y;
  }

  static void add(float* to, const float* from, std::int64_t count) {
    for (std::int64_t at = 0; at < count; ++at) to[at] += from[at];
  }

  /// One row at a time, in double precision: a row's result does not depend on the others.
  static void layer_norm(const Norm& norm, const float* x, std::int64_t count, float* y) {
    const auto width = norm.weight.numel();
    const auto* const weight = norm.weight.const_data_ptr<float>();
    const auto* const bias = norm.bias.defined() ? norm.bias.const_data_ptr<float>() : nullptr;
    for (std::int64_t row = 0; row < count; ++row, x += width, y += width) {
      double mean = 0.0;
      for (std::int64_t at = 0; at < width; ++at) mean += static_cast<double>(x[at]);
      mean /= static_cast<double>(width);
      double squares = 0.0;
      for (std::int64_t at = 0; at < width; ++at) {
        const auto away = static_cast<double>(x[at]) - mean;
        squares += away * away;
      }
      const auto scale = 1.0 / std::sqrt(squares / static_cast<double>(width) + norm.epsilon);
      for (std::int64_t at = 0; at < width; ++at) {
        const auto value = static_cast<float>((static_cast<double>(x[at]) - mean) * scale) * weight[at];
        y[at] = bias == nullptr ? value : value + bias[at];
      }
    }
  }

  /// Clips and norms queries, keys and values of all rows in place.
  void prepare(const Attention& how, float* wide) {
    const std::optional<Norm>* const norms[] = {&how.query_norm, &how.key_norm, &how.value_norm};
    const std::int64_t heads[] = {how.heads, how.key_heads, how.key_heads};
    const auto clip = [&](float* part, std::int64_t count) {
      const auto most = static_cast<float>(how.clip);
      for (std::int64_t at = 0; at < count; ++at) part[at] = std::clamp(part[at], -most, most);
    };
    if (how.clip == 0.0 && !how.query_norm && !how.key_norm && !how.value_norm) return;
    float* part = wide;
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::size_t at = 0; at < 3; ++at) {
        const auto width = heads[at] * how.head_dim;
        if (how.clip > 0.0 && !how.clip_after_norms) clip(part, width);
        if (*norms[at]) normalise(**norms[at], part, nullptr, how.whole_norms ? 1 : heads[at], part);
        if (how.clip > 0.0 && how.clip_after_norms) clip(part, width);
        part += width;
      }
    }
  }
};

PackedDecoder::PackedDecoder(DecoderParts parts, std::vector<PackedBlock> blocks, PackedLinear head,
                             std::string config_json, kernels::Type factors)
    : parts_(std::move(parts)),
      blocks_(std::move(blocks)),
      head_(std::move(head)),
      config_json_(std::move(config_json)),
      factors_(factors),
      angles_(parts_.ropes.size()) {}

PageLayout PackedDecoder::layout(int depth) const {
  const auto& how = blocks_.front().block.attention;
  return {
      .layers = layers_run(*this, depth), .key_heads = how.key_heads, .head_dim = how.head_dim, .factors = factors_};
}

std::shared_ptr<const RopeTables> PackedDecoder::angles(std::size_t which, std::int64_t length) const {
  const std::lock_guard lock(mutex_);
  auto& kept = angles_[which];
  if (kept == nullptr || kept->cos.size(0) < length) {
    const auto room = std::min(std::max<std::int64_t>(2 * length, 512), std::max(parts_.max_length, length));
    kept = std::make_shared<const RopeTables>(rope_tables(parts_.ropes[which], {0}, {room}, at::kCPU));
  }
  return kept;
}

/// Turns queries and keys of the new tokens of one document.
void PackedDecoder::turn(const Attention& how, std::int64_t past, std::int64_t count, float* wide) const {
  if (how.rope < 0) return;
  const auto which = static_cast<std::size_t>(how.rope);
  const auto& rope = parts_.ropes[which];
  const bool stretched = rope.type == "dynamic" && past + count > rope.max_positions;
  const auto tables = stretched ? std::make_shared<const RopeTables>(rope_tables(rope, {0}, {past + count}, at::kCPU))
                                : angles(which, past + count);
  const auto half = rope.dims / 2;
  kernels::Turn turn;
  turn.rows = count;
  turn.heads = how.heads + how.key_heads;
  turn.head_dim = how.head_dim;
  turn.dims = rope.dims;
  turn.stride = (how.heads + 2 * how.key_heads) * how.head_dim;
  turn.x = wide;
  turn.cos = tables->cos.const_data_ptr<float>() + past * half;
  turn.sin = tables->sin.const_data_ptr<float>() + past * half;
  kernels::chosen().turn(turn);
}

/// Turns queries and keys of the new tokens, puts keys and values into the pages, and mixes the values: `wide` to
/// `mixed`.
void PackedDecoder::attend(Pass& pass, int number) const {
  const auto& set = kernels::chosen();
  const auto& how = blocks_[static_cast<std::size_t>(number)].block.attention;
  const auto group = how.heads / how.key_heads;
  const auto stride = (how.heads + 2 * how.key_heads) * how.head_dim;
  const auto out_stride = how.heads * how.head_dim;
  float* const wide = pass.block(Buffer::wide).floats();
  float* const mixed = pass.floats(Buffer::mixed, out_stride);
  pass.prepare(how, wide);
  for (std::size_t row = 0; row < pass.documents.count.size(); ++row) {
    const auto count = pass.documents.count[row];
    if (count == 0) continue;
    const auto start = pass.documents.starts[row];
    float* const first = wide + start * stride;
    turn(how, pass.documents.past[row], count, first);
    const auto past = pass.cache.entries(static_cast<int>(row));
    for (std::int64_t head = 0; head < how.key_heads; ++head) {
      pass.cache.locate(static_cast<int>(row), number, head, pass.keys, pass.values);
      const float* const key = first + (how.heads + head) * how.head_dim;
      set.page_append({.tokens = count,
                       .past = past,
                       .head_dim = how.head_dim,
                       .factors = factors_,
                       .key = key,
                       .value = key + how.key_heads * how.head_dim,
                       .stride = stride,
                       .key_pages = pass.keys.data(),
                       .value_pages = pass.values.data()});
      const kernels::PagedAttention attention{.tokens = count,
                                              .past = past,
                                              .heads = group,
                                              .head_dim = how.head_dim,
                                              .factors = factors_,
                                              .scale = kernel_scale(how.scale, how.head_dim),
                                              .soft_cap = static_cast<float>(how.soft_cap),
                                              .window = how.window,
                                              .q = first + head * group * how.head_dim,
                                              .stride = stride,
                                              .key_pages = pass.keys.data(),
                                              .value_pages = pass.values.data(),
                                              .out = mixed + start * out_stride + head * group * how.head_dim,
                                              .out_stride = out_stride};
      pass.scratch().reserve(set.paged_scratch_bytes(attention));
      set.paged_attention(attention, pass.scratch().data());
    }
  }
}

/// The feed-forward part of a layer: `x` to the buffer `second`.
float* PackedDecoder::feed_forward(Pass& pass, const PackedBlock& packed, const float* x) const {
  const auto* const gated = std::get_if<Gated>(&packed.block.feed_forward);
  const auto width = packed.down.in();
  float* const wide = pass.floats(Buffer::wide, packed.wide.out());
  packed.wide.apply(x, pass.rows, wide, pass.scratch());
  float* const product = pass.floats(Buffer::mixed, width);
  kernels::Activate activate;
  activate.rows = pass.rows;
  activate.width = width;
  activate.curve = gated != nullptr ? gated->activation : std::get<Plain>(packed.block.feed_forward).activation;
  activate.gated = gated != nullptr;
  activate.x = wide;
  activate.y = product;
  kernels::chosen().activate_forward(activate);
  if (gated != nullptr && gated->product_norm) {
    pass.normalise(*gated->product_norm, product, nullptr, pass.rows, product);
  }
  float* const out = pass.floats(Buffer::second, parts_.hidden);
  packed.down.apply(product, pass.rows, out, pass.scratch());
  return pass.added(packed.block, out, packed.block.feed_after, parts_.hidden);
}

/// The sum after so many layers, where it is wanted; x [N, D] is all of it.
void PackedDecoder::keep(Pass& pass, const Tensor& x, int number, const Want& want, Outputs& outputs) const {
  if (auto* state = slot_of(outputs.hidden_layers, want.hidden_layers, number)) *state = x.clone();
  auto* const exit = slot_of(outputs.exits, want.exits, number);
  if (exit == nullptr) return;
  *exit = want.hidden_at.defined() ? x.index_select(0, want.hidden_at) : x.clone();
  float* const rows = exit->mutable_data_ptr<float>();
  if (parts_.norm) pass.normalise(*parts_.norm, rows, nullptr, exit->size(0), rows);
}

Tensor PackedDecoder::run(const Inputs& inputs, const Want& want, PagedCache& cache, Outputs& outputs) const {
  const auto depth = layers_run(*this, want.depth);
  require(depth <= cache.layers(), Fault::internal, [&] {
    return "a pass of " + std::to_string(depth) + " layers with a cache of " + std::to_string(cache.layers());
  });
  const auto rows = rows_read(want, depth);
  make_room(want, outputs);
  const auto documents = documents_of(inputs, &cache);
  cache.workspace.resize(static_cast<std::size_t>(Buffer::count));
  for (int row = 0; row < cache.rows(); ++row) cache.prepare(row, documents.count[static_cast<std::size_t>(row)]);
  auto kept =
      embedded(parts_, at::embedding(parts_.embedding, inputs.tokens).to(at::kFloat), inputs, documents).contiguous();
  Pass pass{.documents = documents, .cache = cache, .rows = kept.size(0)};
  const auto hidden = parts_.hidden;
  for (int number = 0; number < depth; ++number) {
    const auto& packed = blocks_[static_cast<std::size_t>(number)];
    const auto& block = packed.block;
    float* read = pass.take(block.attention_before, kept.mutable_data_ptr<float>(), hidden);
    keep(pass, kept, number, want, outputs);
    packed.query_key_value.apply(read, pass.rows, pass.floats(Buffer::wide, packed.query_key_value.out()),
                                 pass.scratch());
    attend(pass, number);
    auto mixed = at::from_blob(pass.block(Buffer::mixed).floats(), {pass.rows, packed.output.in()}, at::kFloat);
    if (number + 1 == depth && rows.defined()) {
      // Past the last attention only the rows that are read matter.
      mixed = mixed.index_select(0, rows);
      kept = kept.index_select(0, rows);
      if (block.parallel) {
        const auto some = at::from_blob(read, {pass.rows, hidden}, at::kFloat).index_select(0, rows);
        std::copy_n(some.const_data_ptr<float>(), some.numel(), pass.block(Buffer::normed).floats());
      }
      pass.rows = kept.size(0);
    }
    float* const values = mixed.mutable_data_ptr<float>();
    if (block.attention.output_norm) {
      pass.normalise(*block.attention.output_norm, values, nullptr, pass.rows, values);
    }
    float* const delta = pass.floats(Buffer::delta, hidden);
    packed.output.apply(values, pass.rows, delta, pass.scratch());
    pass.added(block, delta, block.attention_after, hidden);
    if (block.parallel) {
      if (block.feed_before) {
        pass.normalise(*block.feed_before, kept.mutable_data_ptr<float>(), nullptr, pass.rows,
                       pass.floats(Buffer::normed, hidden));
      }
      Pass::add(delta, feed_forward(pass, packed, pass.block(Buffer::normed).floats()), pass.rows * hidden);
      pass.delta = delta;
    } else {
      pass.delta = delta;
      read = pass.take(block.feed_before, kept.mutable_data_ptr<float>(), hidden);
      pass.delta = feed_forward(pass, packed, read);
    }
  }
  auto last = kept;
  if (parts_.norm) {
    last = at::empty_like(kept);
    pass.normalise(*parts_.norm, kept.mutable_data_ptr<float>(), pass.delta, pass.rows, last.mutable_data_ptr<float>());
  } else {
    pass.take(parts_.norm, kept.mutable_data_ptr<float>(), hidden);
  }
  if (auto* state = slot_of(outputs.hidden_layers, want.hidden_layers, depth)) *state = kept;
  for (int row = 0; row < cache.rows(); ++row) cache.grow(row, documents.count[static_cast<std::size_t>(row)]);
  return last;
}

Outputs PackedDecoder::forward(const Inputs& inputs, const Want& want, Cache* cache) {
  require(want.attention_layers.empty() && want.qkv_layers.empty(), Fault::internal,
          "a model that was opened for answering keeps nothing of its attention");
  require(!inputs.layout.defined(), Fault::internal,
          "a model that was opened for answering shares no tokens between documents");
  const auto depth = layers_run(*this, want.depth);
  check_layers(want, depth);
  const at::NoGradGuard no_gradients;
  std::unique_ptr<Cache> own;
  if (cache == nullptr) {
    own = make_cache(static_cast<int>(std::max<std::size_t>(inputs.starts.size() - 1, 1)), depth);
    cache = own.get();
  }
  auto* const paged = dynamic_cast<PagedCache*>(cache);
  require(paged != nullptr, Fault::internal, "a cache of another model");
  Outputs outputs;
  const auto hidden = run(inputs, want, *paged, outputs);
  give_last(*this, want, depth, hidden, outputs);
  return outputs;
}

Tensor PackedDecoder::project(const Tensor& hidden) const {
  const auto x = hidden.to(at::kFloat).contiguous();
  auto logits = at::empty({x.size(0), parts_.vocabulary}, at::kFloat);
  Memory scratch;
  head_.apply(x.const_data_ptr<float>(), x.size(0), logits.mutable_data_ptr<float>(), scratch);
  return finished_logits(parts_, logits);
}

Tensor PackedDecoder::embeddings(const Tensor& tokens) const {
  return token_rows(parts_, at::embedding(parts_.embedding, tokens).to(at::kFloat));
}

std::unique_ptr<Cache> PackedDecoder::make_cache(int rows, int depth) const {
  return std::make_unique<PagedCache>(layout(depth), rows);
}

std::string PackedDecoder::kernels(const Want&) const { return std::string("packed-") + kernels::chosen().name; }

std::int64_t PackedDecoder::product_weights() {
  std::int64_t count = 0;
  for (const auto& block : blocks_) {
    for (const auto* map : {&block.query_key_value, &block.output, &block.wide, &block.down}) {
      count += map->in() * map->out();
    }
  }
  return count;
}

std::map<std::string, Tensor*> PackedDecoder::parameters() { refuse(); }
std::map<std::string, Linear*> PackedDecoder::linears() { refuse(); }
const Linear& PackedDecoder::head() const { refuse(); }
std::unique_ptr<Model> PackedDecoder::clone() const { refuse(); }
void PackedDecoder::drop_layers(int, int) { refuse(); }

std::string packed_declines(const DecoderParts& parts, at::ScalarType compute, CacheUse cache) {
  const auto lacks = fused_declines(parts, compute);
  if (!lacks.empty()) return lacks;
  if (cache == CacheUse::watched) return "keys and attention of the cache";
  if (parts.blocks.empty()) return "decoders without layers";
  const auto& first = parts.blocks.front().attention;
  for (const auto& block : parts.blocks) {
    const bool alike = block.attention.key_heads == first.key_heads && block.attention.head_dim == first.head_dim;
    if (!alike) return "layers with heads of different sizes";
    if (block.parallel && !block.attention_before) return "parallel parts without a norm";
    // The window is counted in entries, which no longer tell how far apart tokens are.
    if (block.attention.window > 0 && cache != CacheUse::whole) return "dropped entries behind a window";
  }
  return {};
}

namespace {

/// Norms in the form that the passes need: float32 weights that multiply directly, ones where a norm has none.
void settle(std::optional<Norm>& norm, std::int64_t width) {
  if (!norm) return;
  norm->weight = norm_factors(*norm, width).contiguous();
  norm->plus_one = false;
  if (norm->bias.defined()) norm->bias = norm->bias.to(at::kFloat).contiguous();
}

void settle_norms(Block& block, std::int64_t hidden) {
  for (auto* norm : {&block.attention_before, &block.attention_after, &block.feed_before, &block.feed_after}) {
    settle(*norm, hidden);
  }
  auto& how = block.attention;
  settle(how.query_norm, how.whole_norms ? how.heads * how.head_dim : how.head_dim);
  settle(how.key_norm, how.whole_norms ? how.key_heads * how.head_dim : how.head_dim);
  settle(how.value_norm, how.whole_norms ? how.key_heads * how.head_dim : how.head_dim);
  settle(how.output_norm, how.heads * how.head_dim);
  if (auto* gated = std::get_if<Gated>(&block.feed_forward)) {
    settle(gated->product_norm, gated->down.weight.size(1));
  }
}

/// Several maps of one input as one; a part without a bias gets zeros where others have one.
PackedLinear joined(const std::vector<Linear*>& parts, kernels::Type factors) {
  std::vector<Tensor> rows;
  std::vector<Tensor> offsets;
  bool biased = false;
  for (const auto* part : parts) {
    rows.push_back(part->weight);
    biased = biased || part->bias.defined();
    offsets.push_back(part->bias.defined() ? part->bias : at::zeros({part->weight.size(0)}, at::kFloat));
  }
  PackedLinear all(rows.size() == 1 ? rows.front() : at::cat(rows), biased ? at::cat(offsets) : Tensor(), factors);
  for (auto* part : parts) *part = Linear{};
  return all;
}

PackedBlock pack(Block block, std::int64_t hidden, kernels::Type factors) {
  settle_norms(block, hidden);
  PackedBlock packed;
  auto& how = block.attention;
  packed.query_key_value = joined({&how.query, &how.key, &how.value}, factors);
  packed.output = joined({&how.output}, factors);
  if (auto* gated = std::get_if<Gated>(&block.feed_forward)) {
    packed.wide = joined({&gated->gate, &gated->up}, factors);
    packed.down = joined({&gated->down}, factors);
  } else {
    auto& plain = std::get<Plain>(block.feed_forward);
    packed.wide = joined({&plain.up}, factors);
    packed.down = joined({&plain.down}, factors);
  }
  packed.block = std::move(block);
  return packed;
}

}  // namespace

std::unique_ptr<Model> build_packed(DecoderParts parts, const Weights& weights, const LoadSettings& settings,
                                    const std::string& config_json) {
  const auto factors = settings.compute == at::kFloat ? kernels::Type::f32 : kernels::Type::bf16;
  auto whole = settings;  // only the products round weights; norms keep float32
  whole.storage = at::kFloat;
  visit_outside(parts, [&](const std::string& name, WeightPart part) {
    const bool table = std::get<Tensor*>(part)->dim() == 2;
    read_part(name, part, weights, table ? settings : whole);
  });
  const auto head_name = parts.names.head + ".weight";
  if (parts.tied) parts.embedding = parts.head.weight;
  if (parts.tied && weights.has(head_name)) {
    parts.head.weight = weights.get(head_name, parts.embedding.sizes().vec(), settings);
  }
  parts.tied = false;
  settle(parts.norm, parts.hidden);
  auto head = joined({&parts.head}, factors);
  std::vector<PackedBlock> blocks;
  for (std::size_t at = 0; at < parts.blocks.size(); ++at) {
    auto block = std::move(parts.blocks[at]);
    visit(block, parts.names.block, parts.names.layers + "." + std::to_string(at) + ".",
          [&](const std::string& name, WeightPart part) { read_part(name, part, weights, whole); });
    blocks.push_back(pack(std::move(block), parts.hidden, factors));
  }
  parts.blocks.clear();
  return std::make_unique<PackedDecoder>(std::move(parts), std::move(blocks), std::move(head), config_json, factors);
}

}  // namespace touchstone
