#include "backends/layers/wanted.hpp"

#include <algorithm>
#include <string>

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

bool holds(const std::vector<int>& wanted, int layer) { return place_of(wanted, layer) < wanted.size(); }

}  // namespace

std::size_t place_of(const std::vector<int>& wanted, int layer) {
  return static_cast<std::size_t>(std::find(wanted.begin(), wanted.end(), layer) - wanted.begin());
}

void make_room(const Want& want, Outputs& outputs) {
  outputs.hidden_layers.resize(want.hidden_layers.size());
  outputs.exits.resize(want.exits.size());
  outputs.attention.resize(want.attention_layers.size());
  outputs.qkv.resize(want.qkv_layers.size());
}

void check_layers(const Want& want, int depth) {
  const auto check = [&](std::vector<int> wanted, int most) {
    std::sort(wanted.begin(), wanted.end());
    const bool once = std::adjacent_find(wanted.begin(), wanted.end()) == wanted.end();
    require(once && (wanted.empty() || (wanted.front() >= 0 && wanted.back() <= most)), Fault::internal, [&] {
      return "layers are wanted that a pass of " + std::to_string(depth) + " layers does not have, or are wanted twice";
    });
  };
  check(want.hidden_layers, depth);
  check(want.exits, depth);
  check(want.attention_layers, depth - 1);
  check(want.qkv_layers, depth - 1);
}

Tensor rows_read(const Want& want, int depth) {
  if (holds(want.hidden_layers, depth)) return {};
  const bool hidden = want.hidden || holds(want.exits, depth);
  if (want.logits) return hidden ? Tensor() : want.logits_at;
  return want.hidden_at;
}

void give_last(const Model& model, const Want& want, int depth, const Tensor& hidden, Outputs& outputs) {
  const bool few = rows_read(want, depth).defined();
  const auto pick = [&](const Tensor& at) { return few || !at.defined() ? hidden : hidden.index_select(0, at); };
  if (want.hidden) outputs.hidden = pick(want.hidden_at);
  if (auto* exit = slot_of(outputs.exits, want.exits, depth)) *exit = pick(want.hidden_at);
  if (want.logits) outputs.logits = model.project(pick(want.logits_at));
}

}  // namespace touchstone
