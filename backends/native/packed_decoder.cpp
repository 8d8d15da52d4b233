#include "backends/native/packed_decoder.hpp"

#include <algorithm>
#include <cmath>

#include "backends/layers/documents.hpp"
#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

/// Buffers of a pass, by what they hold.
enum class Buffer : std::size_t { x, normed, wide, mixed, delta, scale, scratch, count };

/// One number at a time: LibTorch's operators choose among implementations by the size of the tensor, and these round
/// differently.
float activated(float x, Activation activation) {
  constexpr float root_half = 0.70710678F;
  constexpr float root_two_over_pi = 0.79788456F;
  switch (activation) {
    case Activation::silu:
      return x / (1.0F + std::exp(-x));
    case Activation::gelu:
      return 0.5F * x * (1.0F + std::erf(x * root_half));
    case Activation::gelu_tanh:
      return 0.5F * x * (1.0F + std::tanh(root_two_over_pi * (x + 0.044715F * x * x * x)));
    case Activation::quick_gelu:
      return x / (1.0F + std::exp(-1.702F * x));
    case Activation::relu:
      return std::max(x, 0.0F);
    case Activation::relu2:
      return std::max(x, 0.0F) * std::max(x, 0.0F);
  }
  return x;
}

[[noreturn]] void refuse() {
  throw Error(Fault::internal, "a model that was opened for answering does not give its weights away");
}

}  // namespace

/// One forward pass: rows and where their numbers lie.
struct PackedDecoder::Pass {
  const Documents& documents;
  PagedCache& cache;
  std::int64_t rows = 0;
  float* delta = nullptr;  ///< what the last part added, not yet in x; null at first
  std::vector<void*> keys{};
  std::vector<void*> values{};

  Block& block(Buffer which) { return cache.workspace[static_cast<std::size_t>(which)]; }
  float* floats(Buffer which, std::int64_t width) {
    block(which).reserve(rows * width * 4);
    return block(which).floats();
  }
  Block& scratch() { return block(Buffer::scratch); }

  /// y = norm(x + delta), the sum kept in x.
  float* normalise(const Tensor& weight, double epsilon, float* x, float* y) {
    kernels::NormForward norm;
    norm.rows = rows;
    norm.width = weight.numel();
    norm.x = x;
    norm.delta = delta;
    norm.sum = x;
    norm.weight = weight.const_data_ptr<float>();
    norm.epsilon = static_cast<float>(epsilon);
    norm.y = y;
    norm.scale = floats(Buffer::scale, 1);
    kernels::chosen().norm_forward(norm);
    delta = nullptr;
    return y;
  }
};

PackedDecoder::PackedDecoder(DecoderShape shape, PackedWeights weights, std::string config_json, kernels::Type factors)
    : shape_(std::move(shape)), weights_(std::move(weights)), config_json_(std::move(config_json)), factors_(factors) {}

PageLayout PackedDecoder::layout() const {
  return {.layers = layers(), .key_heads = shape_.key_heads, .head_dim = shape_.head_dim, .factors = factors_};
}

std::shared_ptr<const RopeTables> PackedDecoder::angles(std::int64_t length) const {
  const std::lock_guard lock(mutex_);
  if (angles_ == nullptr || angles_->cos.size(0) < length) {
    const auto room = std::min(std::max<std::int64_t>(2 * length, 512), std::max(shape_.max_length, length));
    angles_ = std::make_shared<const RopeTables>(rope_tables(shape_.rope, {0}, {room}, at::kCPU));
  }
  return angles_;
}

Tensor PackedDecoder::embed(const Inputs& inputs) const {
  auto x = at::embedding(weights_.embedding, inputs.tokens).to(at::kFloat);
  if (inputs.soft.defined()) x = x.index_copy(0, inputs.soft_at, inputs.soft.to(at::kFloat));
  return x.contiguous();
}

/// Turns queries and keys of the new tokens, puts keys and values into the pages, and mixes the values: `wide` to
/// `mixed`.
void PackedDecoder::attend(Pass& pass, int number) const {
  const auto& set = kernels::chosen();
  const auto group = shape_.heads / shape_.key_heads;
  const auto stride = (shape_.heads + 2 * shape_.key_heads) * shape_.head_dim;
  const auto out_stride = shape_.heads * shape_.head_dim;
  float* const wide = pass.block(Buffer::wide).floats();
  float* const mixed = pass.floats(Buffer::mixed, out_stride);
  for (std::size_t row = 0; row < pass.documents.count.size(); ++row) {
    const auto count = pass.documents.count[row];
    if (count == 0) continue;
    const auto past = pass.documents.past[row];
    const auto start = pass.documents.starts[row];
    float* const first = wide + start * stride;
    const bool stretched = shape_.rope.type == "dynamic" && past + count > shape_.rope.max_positions;
    const auto tables =
        stretched ? std::make_shared<const RopeTables>(rope_tables(shape_.rope, {0}, {past + count}, at::kCPU))
                  : angles(past + count);
    const auto half = shape_.head_dim / 2;
    kernels::Turn turn;
    turn.rows = count;
    turn.heads = shape_.heads + shape_.key_heads;
    turn.head_dim = shape_.head_dim;
    turn.stride = stride;
    turn.x = first;
    turn.cos = tables->cos.const_data_ptr<float>() + past * half;
    turn.sin = tables->sin.const_data_ptr<float>() + past * half;
    set.turn(turn);
    for (std::int64_t head = 0; head < shape_.key_heads; ++head) {
      pass.cache.locate(static_cast<int>(row), number, head, pass.keys, pass.values);
      const float* const key = first + (shape_.heads + head) * shape_.head_dim;
      set.page_append({.tokens = count,
                       .past = past,
                       .head_dim = shape_.head_dim,
                       .factors = factors_,
                       .key = key,
                       .value = key + shape_.key_heads * shape_.head_dim,
                       .stride = stride,
                       .key_pages = pass.keys.data(),
                       .value_pages = pass.values.data()});
      const kernels::PagedAttention attention{.tokens = count,
                                              .past = past,
                                              .heads = group,
                                              .head_dim = shape_.head_dim,
                                              .factors = factors_,
                                              .scale = 1.0F / std::sqrt(static_cast<float>(shape_.head_dim)),
                                              .q = first + head * group * shape_.head_dim,
                                              .stride = stride,
                                              .key_pages = pass.keys.data(),
                                              .value_pages = pass.values.data(),
                                              .out = mixed + start * out_stride + head * group * shape_.head_dim,
                                              .out_stride = out_stride};
      pass.scratch().reserve(set.paged_scratch_bytes(attention));
      set.paged_attention(attention, pass.scratch().data());
    }
  }
}

/// The gated part of a layer: `normed` to `delta`.
void PackedDecoder::feed_forward(Pass& pass, const PackedLayer& layer) const {
  const auto width = shape_.feed_forward;
  float* const wide = pass.floats(Buffer::wide, 2 * width);
  layer.gate_up.apply(pass.block(Buffer::normed).floats(), pass.rows, wide, pass.scratch());
  float* const product = pass.floats(Buffer::mixed, width);
  if (shape_.activation == Activation::silu) {
    kernels::Swiglu swiglu;
    swiglu.rows = pass.rows;
    swiglu.width = width;
    swiglu.gate_up = wide;
    swiglu.y = product;
    kernels::chosen().swiglu_forward(swiglu);
  } else {
    for (std::int64_t row = 0; row < pass.rows; ++row) {
      const float* const gate = wide + row * 2 * width;
      float* const y = product + row * width;
      for (std::int64_t at = 0; at < width; ++at) y[at] = activated(gate[at], shape_.activation) * gate[width + at];
    }
  }
  if (layer.product_norm.defined()) pass.normalise(layer.product_norm, shape_.norm_epsilon, product, product);
  float* const delta = pass.floats(Buffer::delta, shape_.hidden);
  layer.down.apply(product, pass.rows, delta, pass.scratch());
  pass.delta = delta;
}

Tensor PackedDecoder::run(const Inputs& inputs, const Want& want, PagedCache& cache) const {
  const auto documents = documents_of(inputs, &cache);
  cache.workspace.resize(static_cast<std::size_t>(Buffer::count));
  for (int row = 0; row < cache.rows(); ++row) cache.prepare(row, documents.count[static_cast<std::size_t>(row)]);
  auto kept = embed(inputs);
  Pass pass{.documents = documents, .cache = cache, .rows = kept.size(0)};
  for (int number = 0; number < layers(); ++number) {
    const auto& layer = weights_.layers[static_cast<std::size_t>(number)];
    float* const normed = pass.floats(Buffer::normed, shape_.hidden);
    pass.normalise(layer.input_norm, shape_.norm_epsilon, kept.mutable_data_ptr<float>(), normed);
    layer.query_key_value.apply(normed, pass.rows, pass.floats(Buffer::wide, layer.query_key_value.out()),
                                pass.scratch());
    attend(pass, number);
    const auto width = layer.output.in();
    auto mixed = at::from_blob(pass.block(Buffer::mixed).floats(), {pass.rows, width}, at::kFloat);
    if (number + 1 == layers() && want.hidden_at.defined()) {
      // Past the last attention only the rows that are read matter.
      mixed = mixed.index_select(0, want.hidden_at);
      kept = kept.index_select(0, want.hidden_at);
      pass.rows = kept.size(0);
    }
    float* const values = mixed.mutable_data_ptr<float>();
    if (layer.attention_norm.defined()) pass.normalise(layer.attention_norm, shape_.norm_epsilon, values, values);
    float* const delta = pass.floats(Buffer::delta, shape_.hidden);
    layer.output.apply(values, pass.rows, delta, pass.scratch());
    pass.delta = delta;
    pass.normalise(layer.middle_norm, shape_.norm_epsilon, kept.mutable_data_ptr<float>(),
                   pass.floats(Buffer::normed, shape_.hidden));
    feed_forward(pass, layer);
  }
  auto hidden = at::empty_like(kept);
  pass.normalise(weights_.norm, shape_.norm_epsilon, kept.mutable_data_ptr<float>(), hidden.mutable_data_ptr<float>());
  for (int row = 0; row < cache.rows(); ++row) cache.grow(row, documents.count[static_cast<std::size_t>(row)]);
  return hidden;
}

Outputs PackedDecoder::forward(const Inputs& inputs, const Want& want, Cache* cache) {
  require(!want.all_hidden && want.attention_layers.empty(), Fault::internal,
          [] { return std::string("a model that was opened for answering keeps no inner states"); });
  require(!inputs.layout.defined(), Fault::internal,
          [] { return std::string("a model that was opened for answering shares no tokens between documents"); });
  const at::NoGradGuard no_gradients;
  std::unique_ptr<Cache> own;
  if (cache == nullptr) {
    own = make_cache(static_cast<int>(std::max<std::size_t>(inputs.starts.size() - 1, 1)));
    cache = own.get();
  }
  auto* const paged = dynamic_cast<PagedCache*>(cache);
  require(paged != nullptr, Fault::internal, [] { return std::string("a cache of another model"); });
  const bool some_logits = want.logits && want.logits_at.defined();
  auto used = want;
  if (some_logits && !want.hidden) used.hidden_at = want.logits_at;
  if (want.logits && !some_logits) used.hidden_at = Tensor();
  if (want.logits && want.hidden) used.hidden_at = Tensor();
  const auto hidden = run(inputs, used, *paged);
  Outputs outputs;
  if (want.hidden) {
    const bool cut = want.hidden_at.defined() && !used.hidden_at.defined();
    outputs.hidden = cut ? hidden.index_select(0, want.hidden_at) : hidden;
  }
  if (want.logits) {
    const bool cut = some_logits && !used.hidden_at.defined();
    outputs.logits = project(cut ? hidden.index_select(0, want.logits_at) : hidden);
  }
  return outputs;
}

Tensor PackedDecoder::project(const Tensor& hidden) const {
  const auto x = hidden.to(at::kFloat).contiguous();
  auto logits = at::empty({x.size(0), shape_.vocabulary}, at::kFloat);
  Block scratch;
  weights_.head.apply(x.const_data_ptr<float>(), x.size(0), logits.mutable_data_ptr<float>(), scratch);
  return logits;
}

std::unique_ptr<Cache> PackedDecoder::make_cache(int rows) const {
  return std::make_unique<PagedCache>(layout(), rows);
}

std::string PackedDecoder::kernels() const { return std::string("packed-") + kernels::chosen().name; }

std::int64_t PackedDecoder::product_weights() {
  std::int64_t count = 0;
  for (const auto& layer : weights_.layers) {
    for (const auto* map : {&layer.query_key_value, &layer.output, &layer.gate_up, &layer.down}) {
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

}  // namespace touchstone
