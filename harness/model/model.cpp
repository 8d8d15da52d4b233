#include "harness/model/model.hpp"

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {

void fold_deltas(Linear& map) {
  const at::NoGradGuard no_grad;
  std::vector<Tensor> changes;
  std::vector<Tensor> offsets;
  for (const auto& delta : map.deltas) {
    changes.push_back(delta->dense(map));
    if (auto offset = delta->dense_bias(map); offset.defined()) offsets.push_back(std::move(offset));
  }
  for (const auto& change : changes) map.weight.copy_(map.weight.to(at::kFloat) + change);
  for (const auto& offset : offsets) map.bias.copy_(map.bias.to(at::kFloat) + offset);
  map.deltas.clear();
}

Tensor Model::project(const Tensor& hidden) const {
  const auto& map = head();
  const auto logits = at::linear(hidden.to(at::kFloat), map.weight.to(at::kFloat));
  return map.bias.defined() ? logits + map.bias : logits;
}

int layers_run(const Model& model, int depth) {
  require(depth >= 0 && depth <= model.layers(), Fault::internal, [&] {
    return "asked for " + std::to_string(depth) + " layers of a model of " + std::to_string(model.layers());
  });
  return depth == 0 ? model.layers() : depth;
}

namespace {
[[noreturn]] void refuse_media(MediaKind kind) {
  throw Error(Fault::config, std::string("the model's family takes no ") + facts_of(kind).plural +
                                 ", expected one that does" + (kind == MediaKind::picture ? ", such as idefics3" : ""));
}
}  // namespace

Tensor Model::encode(MediaKind kind, const Tensor&) { refuse_media(kind); }

std::int64_t Model::soft_tokens(MediaKind kind, std::int64_t) const { refuse_media(kind); }

std::int64_t Model::product_weights() {
  std::int64_t count = 0;
  for (const auto& [name, map] : linears()) count += map->weight.numel();
  return count;
}

}  // namespace touchstone
