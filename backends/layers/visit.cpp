#include "backends/layers/visit.hpp"

#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

void visit_norm(std::optional<Norm>& norm, const std::string& name, const Visitor& visitor) {
  if (!norm) return;
  if (norm->weight.defined()) visitor(name + ".weight", &norm->weight);
  if (norm->bias.defined()) visitor(name + ".bias", &norm->bias);
}

void visit_tensor(Tensor& tensor, const std::string& name, const Visitor& visitor) {
  if (tensor.defined()) visitor(name, &tensor);
}

void visit_attention(Attention& attention, const BlockNames& names, const std::string& prefix, const Visitor& visitor) {
  visitor(prefix + names.query, &attention.query);
  visitor(prefix + names.key, &attention.key);
  visitor(prefix + names.value, &attention.value);
  visitor(prefix + names.output, &attention.output);
  visit_norm(attention.query_norm, prefix + names.query_norm, visitor);
  visit_norm(attention.key_norm, prefix + names.key_norm, visitor);
  visit_norm(attention.value_norm, prefix + names.value_norm, visitor);
  visit_norm(attention.output_norm, prefix + names.output_norm, visitor);
  visit_tensor(attention.sinks, prefix + names.sinks, visitor);
}

void visit_expert(Gated& expert, const BlockNames& names, const std::string& prefix, const Visitor& visitor) {
  visitor(prefix + names.expert_gate, &expert.gate);
  visitor(prefix + names.expert_up, &expert.up);
  visitor(prefix + names.expert_down, &expert.down);
}

struct FeedVisit {
  const BlockNames& names;
  const std::string& prefix;
  const Visitor& visitor;

  void operator()(Gated& gated) const {
    visitor(prefix + names.gate, &gated.gate);
    visitor(prefix + names.up, &gated.up);
    visitor(prefix + names.down, &gated.down);
    visit_norm(gated.product_norm, prefix + names.product_norm, visitor);
  }
  void operator()(Plain& plain) const {
    visitor(prefix + names.up, &plain.up);
    visitor(prefix + names.down, &plain.down);
  }
  void operator()(Mixture& mixture) const {
    visitor(prefix + names.router, &mixture.router);
    visit_tensor(mixture.correction, prefix + names.correction, visitor);
    for (std::size_t at = 0; at < mixture.experts.size(); ++at) {
      visit_expert(mixture.experts[at], names, prefix + names.experts + "." + std::to_string(at) + ".", visitor);
    }
    if (mixture.shared) visit_expert(*mixture.shared, names, prefix + names.shared + ".", visitor);
    if (mixture.shared_gate.weight.defined()) visitor(prefix + names.shared_gate, &mixture.shared_gate);
  }
};

}  // namespace

void visit(Block& block, const BlockNames& names, const std::string& prefix, const Visitor& visitor) {
  visit_norm(block.attention_before, prefix + names.attention_before, visitor);
  visit_norm(block.attention_after, prefix + names.attention_after, visitor);
  visit_norm(block.feed_before, prefix + names.feed_before, visitor);
  visit_norm(block.feed_after, prefix + names.feed_after, visitor);
  visit_attention(block.attention, names, prefix, visitor);
  std::visit(FeedVisit{names, prefix, visitor}, block.feed_forward);
}

void visit_outside(DecoderParts& parts, const Visitor& visitor) {
  const auto& names = parts.names;
  visitor(names.embedding + ".weight", parts.tied ? &parts.head.weight : &parts.embedding);
  visit_tensor(parts.positions, names.positions + ".weight", visitor);
  visit_norm(parts.embedding_norm, names.embedding_norm, visitor);
  visit_norm(parts.norm, names.norm, visitor);
  if (!parts.tied) visitor(names.head + ".weight", &parts.head.weight);
  visit_tensor(parts.head.bias, names.head + ".bias", visitor);
}

void visit(DecoderParts& parts, const Visitor& visitor) {
  visit_outside(parts, visitor);
  for (std::size_t at = 0; at < parts.blocks.size(); ++at) {
    visit(parts.blocks[at], parts.names.block, parts.names.layers + "." + std::to_string(at) + ".", visitor);
  }
}

std::vector<std::optional<Norm>*> norms_of(Block& block) {
  auto& how = block.attention;
  std::vector<std::optional<Norm>*> all = {&block.attention_before, &block.attention_after, &block.feed_before,
                                           &block.feed_after,       &how.query_norm,        &how.key_norm,
                                           &how.value_norm,         &how.output_norm};
  if (auto* gated = std::get_if<Gated>(&block.feed_forward)) all.push_back(&gated->product_norm);
  return all;
}

void read_part(const std::string& name, WeightPart part, const Weights& weights, const LoadSettings& settings) {
  if (auto* const* tensor = std::get_if<Tensor*>(&part)) {
    **tensor = weights.get(name, (*tensor)->sizes().vec(), settings);
    return;
  }
  auto& map = *std::get<Linear*>(part);
  map.weight = weights.get(name + ".weight", map.weight.sizes().vec(), settings);
  if (map.bias.defined()) map.bias = weights.get(name + ".bias", map.bias.sizes().vec(), settings);
}

void read_parts(DecoderParts& parts, const Weights& weights, const LoadSettings& settings) {
  visit(parts, [&](const std::string& name, WeightPart part) { read_part(name, part, weights, settings); });
  const auto head = parts.names.head + ".weight";
  if (!parts.tied || !weights.has(head)) return;
  const auto own = weights.get(head, parts.head.weight.sizes().vec(), settings);
  if (at::equal(own, parts.head.weight)) return;
  parts.tied = false;
  parts.embedding = parts.head.weight;
  parts.head.weight = own;
}

std::map<std::string, Tensor*> named_tensors(DecoderParts& parts) {
  std::map<std::string, Tensor*> all;
  visit(parts, [&](const std::string& name, WeightPart part) {
    if (auto* const* tensor = std::get_if<Tensor*>(&part)) {
      all[name] = *tensor;
      return;
    }
    auto& map = *std::get<Linear*>(part);
    all[name + ".weight"] = &map.weight;
    if (map.bias.defined()) all[name + ".bias"] = &map.bias;
  });
  return all;
}

std::map<std::string, Linear*> named_maps(DecoderParts& parts) {
  std::map<std::string, Linear*> all;
  visit(parts, [&](const std::string& name, WeightPart part) {
    if (auto* const* map = std::get_if<Linear*>(&part)) all[name] = *map;
  });
  return all;
}

DecoderParts copy_of(const DecoderParts& parts) {
  auto copy = parts;
  const auto own = [](Tensor& tensor) {
    if (tensor.defined()) tensor = tensor.detach().clone();
  };
  visit(copy, [&](const std::string&, WeightPart part) {
    if (auto* const* tensor = std::get_if<Tensor*>(&part)) return own(**tensor);
    auto& map = *std::get<Linear*>(part);
    own(map.weight);
    own(map.bias);
    fold_deltas(map);
  });
  return copy;
}

Tensor unread(at::IntArrayRef shape) { return at::empty(shape, at::device(at::kMeta).dtype(at::kFloat)); }

Linear unread_map(std::int64_t out, std::int64_t in, bool bias) {
  return {.weight = unread({out, in}), .bias = bias ? unread({out}) : Tensor(), .deltas = {}};
}

}  // namespace touchstone
