#include "backends/native/fused_decoder.hpp"

#include "backends/layers/documents.hpp"
#include "backends/layers/plain.hpp"
#include "backends/layers/visit.hpp"
#include "backends/layers/wanted.hpp"
#include "harness/kernels/kernels.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

/// A norm [N, W] float32 to `dtype`.
Tensor norm_rows(const Tensor& x, const Norm& norm, at::ScalarType dtype) {
  if (norm.kind == Norm::Kind::layer || norm.bias.defined()) return normed(x, norm, dtype).to(dtype);
  return fused_norm(x, norm_factors(norm, x.size(1)), {.epsilon = norm.epsilon, .dtype = dtype});
}

/// Computes queries, keys and values side by side, clipped and normed.
Tensor prepared(const Attention& how, const Tensor& wide) {
  if (how.clip == 0.0 && !how.query_norm && !how.key_norm && !how.value_norm) return wide;
  const auto width = how.head_dim;
  auto parts = wide.split_with_sizes({how.heads * width, how.key_heads * width, how.key_heads * width}, 1);
  const std::optional<Norm>* const norms[] = {&how.query_norm, &how.key_norm, &how.value_norm};
  for (std::size_t at = 0; at < parts.size(); ++at) {
    auto& part = parts[at];
    const auto clip = [&] {
      if (how.clip > 0.0) part = part.clamp(-how.clip, how.clip);
    };
    if (!how.clip_after_norms) clip();
    if (*norms[at]) {
      const auto rows = how.whole_norms ? part : part.reshape({-1, width});
      part = norm_rows(rows.to(at::kFloat).contiguous(), **norms[at], wide.scalar_type()).view(part.sizes());
    }
    if (how.clip_after_norms) clip();
  }
  return at::cat(parts, 1);
}

}  // namespace

std::string fused_declines(const DecoderParts& parts, at::ScalarType compute) {
  for (const auto& block : parts.blocks) {
    const auto& how = block.attention;
    if (how.sinks.defined()) return "sinks";
    if (how.output_gate) return "gates of attention";
    if (how.norms_after_rope && (how.query_norm || how.key_norm)) return "norms after the turning";
    if (how.rope >= 0 && parts.ropes[static_cast<std::size_t>(how.rope)].neighbours) return "ropes of neighbours";
    if (std::holds_alternative<Mixture>(block.feed_forward)) return "mixtures of experts";
    auto all = block;  // norms_of gives places to write to; the copy shares the tensors
    for (const auto* norm : norms_of(all)) {
      if (*norm && (*norm)->round_first && compute != at::kFloat) return "norms that round first";
    }
  }
  return {};
}

FusedLayers::FusedLayers(const DecoderParts& parts, at::ScalarType compute)
    : parts_(parts), compute_(compute), head_({&parts.head}, compute) {
  for (const auto& block : parts.blocks) {
    const auto& how = block.attention;
    const auto* const gated = std::get_if<Gated>(&block.feed_forward);
    const auto* const plain = std::get_if<Plain>(&block.feed_forward);
    const auto wide = gated != nullptr ? std::vector<const Linear*>{&gated->gate, &gated->up}
                                       : std::vector<const Linear*>{&plain->up};
    layers_.push_back({.query_key_value = {{&how.query, &how.key, &how.value}, compute},
                       .output = {{&how.output}, compute},
                       .wide = {wide, compute},
                       .down = {{gated != nullptr ? &gated->down : &plain->down}, compute}});
  }
}

/// The residual sum through a norm, or unchanged. Afterwards it includes the pending addition.
Tensor FusedLayers::take(Flow& flow, const std::optional<Norm>& norm, at::ScalarType dtype) const {
  const bool fast = norm && norm->kind == Norm::Kind::rms && !norm->bias.defined();
  if (fast && flow.delta.defined()) {
    const auto both = fused_sum_norm(flow.x, flow.delta, norm_factors(*norm, flow.x.size(1)),
                                     {.epsilon = norm->epsilon, .dtype = dtype});
    flow = {.x = both.sum, .delta = {}};
    return both.normed;
  }
  if (flow.delta.defined()) flow = {.x = flow.x + flow.delta, .delta = {}};
  return norm ? norm_rows(flow.x, *norm, dtype) : flow.x.to(dtype);
}

/// Mixed values before the output map, [N, H * d]. `qkv` gets what the rope finds; null: nobody asks.
Tensor FusedLayers::attention(const Block& block, Layer& maps, const Tensor& x, const Documents& documents,
                              const std::vector<RopeTables>& tables, QueryKeyValue* qkv) const {
  const auto& how = block.attention;
  const AttentionPlan plan{.starts = documents.starts,
                           .tables = how.rope < 0 ? RopeTables{} : tables[static_cast<std::size_t>(how.rope)],
                           .heads = how.heads,
                           .key_heads = how.key_heads,
                           .head_dim = how.head_dim,
                           .scale = how.scale,
                           .soft_cap = how.soft_cap,
                           .window = how.window};
  auto wide = prepared(how, maps.query_key_value.apply(x));
  if (qkv != nullptr) {
    const auto all = wide.to(at::kFloat).view({wide.size(0), -1, how.head_dim});
    *qkv = {.query = all.narrow(1, 0, how.heads),
            .key = all.narrow(1, how.heads, how.key_heads),
            .value = all.narrow(1, how.heads + how.key_heads, how.key_heads)};
    wide = wide.clone();  // attention turns queries and keys where they lie
  }
  return taken_back(documents, fused_attention(laid_out(documents, wide), plan));
}

Tensor FusedLayers::feed_forward(const Block& block, Layer& maps, const Tensor& x) const {
  const auto* const gated = std::get_if<Gated>(&block.feed_forward);
  const auto activation = gated != nullptr ? gated->activation : std::get<Plain>(block.feed_forward).activation;
  auto product = fused_activation(maps.wide.apply(x), activation, gated != nullptr);
  if (gated != nullptr && gated->product_norm) {
    product = norm_rows(product.to(at::kFloat), *gated->product_norm, compute_);
  }
  return maps.down.apply(product);
}

/// The addition of a part to the sum.
Tensor FusedLayers::added(const Block& block, const Tensor& y, const std::optional<Norm>& after) const {
  const auto all = after ? norm_rows(y.to(at::kFloat), *after, compute_) : y;
  return block.residual_scale == 1.0 ? all : all * block.residual_scale;
}

/// The flow's sum after so many layers, where it is wanted.
void FusedLayers::keep(const Tensor& x, int number, const Want& want, Outputs& outputs) const {
  if (auto* state = slot_of(outputs.hidden_layers, want.hidden_layers, number)) *state = x;
  auto* const exit = slot_of(outputs.exits, want.exits, number);
  if (exit == nullptr) return;
  const auto rows = want.hidden_at.defined() ? x.index_select(0, want.hidden_at) : x;
  *exit = parts_.norm ? norm_rows(rows, *parts_.norm, at::kFloat) : rows;
}

Tensor FusedLayers::run(const Inputs& inputs, const Documents& documents, const Want& want, int depth,
                        const Tensor& rows, Outputs& outputs) {
  make_room(want, outputs);
  std::vector<RopeTables> tables;
  for (const auto& rope : parts_.ropes) {
    tables.push_back(rope_tables(rope, documents.past, documents.count, at::kCPU));
  }
  Flow flow{.x = embedded(parts_, fused_embedding(embedding_of(parts_), inputs.tokens), inputs, documents),
            .delta = {}};
  for (int number = 0; number < depth; ++number) {
    auto& maps = layers_[static_cast<std::size_t>(number)];
    const auto& block = parts_.blocks[static_cast<std::size_t>(number)];
    auto read = take(flow, block.attention_before, compute_);
    keep(flow.x, number, want, outputs);
    auto mixed = attention(block, maps, read, documents, tables, slot_of(outputs.qkv, want.qkv_layers, number));
    if (rows.defined() && number + 1 == depth) {
      mixed = mixed.index_select(0, rows);
      flow.x = flow.x.index_select(0, rows);
      if (block.parallel) read = read.index_select(0, rows);
    }
    if (block.attention.output_norm) {
      mixed = norm_rows(mixed.to(at::kFloat), *block.attention.output_norm, compute_);
    }
    const auto first = added(block, maps.output.apply(mixed), block.attention_after);
    if (block.parallel) {
      const auto own = block.feed_before ? norm_rows(flow.x, *block.feed_before, compute_) : read;
      flow.delta = first + added(block, feed_forward(block, maps, own), block.feed_after);
      continue;
    }
    flow.delta = first;
    const auto own = take(flow, block.feed_before, compute_);
    flow.delta = added(block, feed_forward(block, maps, own), block.feed_after);
  }
  const auto last = take(flow, parts_.norm, at::kFloat);
  if (auto* state = slot_of(outputs.hidden_layers, want.hidden_layers, depth)) *state = flow.x;
  return last;
}

std::string fused_kernels() { return std::string("fused-") + kernels::chosen().name; }

}  // namespace touchstone
