#include "harness/model/model.hpp"

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {

Tensor Model::project(const Tensor& hidden) const {
  const auto& map = head();
  const auto logits = at::linear(hidden.to(at::kFloat), map.weight.to(at::kFloat));
  return map.bias.defined() ? logits + map.bias : logits;
}

namespace {
[[noreturn]] void refuse_media(MediaKind kind) {
  throw Error(Fault::config, std::string("this model's family takes no ") + words_of(kind).plural +
                                 "; expected one that does" + (kind == MediaKind::picture ? ", such as idefics3" : ""));
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
