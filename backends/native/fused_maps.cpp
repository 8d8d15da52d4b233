#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "backends/native/fused.hpp"
#include "backends/native/products.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// y = x W^T for weights whose outputs lie side by side.
struct JoinedProduct : torch::autograd::Function<JoinedProduct> {
  /// `copied`: the weights in the dtype of x, stacked; undefined: the weights themselves are read. It is a pointer
  /// since a tensor argument of an autograd function may not be undefined. `trained`: any weight that needs a gradient,
  /// since autograd does not look into the list of weights; x where none does.
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& /*trained*/, const Tensor* copied,
                        bool wide, const std::vector<Tensor>& weights) {
    const auto& copy = *copied;
    std::int64_t width = 0;
    for (const auto& weight : weights) width += weight.size(0);
    auto y = at::empty({x.size(0), width}, wide ? x.options().dtype(at::kFloat) : x.options());
    if (copy.defined()) {
      multiply_into(y, x, copy);
    } else {
      std::int64_t first = 0;
      for (const auto& weight : weights) {
        auto part = y.narrow(1, first, weight.size(0));
        multiply_into(part, x, weight);
        first += weight.size(0);
      }
    }
    variable_list saved = {x, copy};
    saved.insert(saved.end(), weights.begin(), weights.end());
    context->save_for_backward(saved);
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto& x = saved[0];
    const auto& copy = saved[1];
    const auto d_y = gradients[0].to(x.scalar_type()).contiguous();
    const bool wants_x = context->needs_input_grad(0);
    Tensor d_x;
    if (wants_x && copy.defined()) d_x = input_gradient(d_y, copy);
    std::int64_t first = 0;
    for (std::size_t at = 2; at < saved.size(); ++at) {
      const auto& weight = saved[at];
      const auto part = d_y.narrow(1, first, weight.size(0));
      first += weight.size(0);
      if (weight.requires_grad()) add_weight_gradient(weight, part, x);
      if (!wants_x || copy.defined()) continue;
      if (d_x.defined()) {
        d_x.addmm_(part, weight);
      } else {
        d_x = input_gradient(part, weight);
      }
    }
    variable_list result(saved.size() + 2);  // x, trained, copy, wide, weights
    result[0] = d_x;
    return result;
  }
};

struct Embedding : torch::autograd::Function<Embedding> {
  static Tensor forward(AutogradContext* context, const Tensor& table, const Tensor& tokens) {
    context->save_for_backward({table, tokens});
    return at::embedding(table, tokens);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto& table = saved[0];
    if (table.requires_grad()) {
      const at::NoGradGuard no_gradients;
      auto& gradient = table.mutable_grad();
      if (!gradient.defined()) gradient = at::zeros_like(table, at::MemoryFormat::Contiguous);
      gradient.index_add_(0, saved[1], gradients[0]);
    }
    return {Tensor(), Tensor()};
  }
};

}  // namespace

Tensor JoinedMap::copy_of_weights() {
  if (compute_ == at::kFloat) return {};
  std::vector<std::int64_t> versions;
  for (const auto* part : parts_) {
    versions.push_back(static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(part->weight.unsafeGetTensorImpl())));
    versions.push_back(part->weight._version());
  }
  if (versions == copied_versions_) return copy_;
  const at::NoGradGuard no_gradients;
  std::int64_t width = 0;
  for (const auto* part : parts_) width += part->weight.size(0);
  // A new copy each time: a graph whose backward pass is still to come may hold the old one.
  const auto& first = parts_.front()->weight;
  copy_ = at::empty({width, first.size(1)}, first.options().dtype(compute_).requires_grad(false));
  width = 0;
  for (const auto* part : parts_) {
    copy_.narrow(0, width, part->weight.size(0)).copy_(part->weight);
    width += part->weight.size(0);
  }
  copied_versions_ = std::move(versions);
  return copy_;
}

/// Biases and deltas of all parts side by side, in the dtype of y, which holds the products; undefined when there are
/// none.
Tensor JoinedMap::additions(const Tensor& x, const Tensor& y) const {
  Tensor biases;
  Tensor deltas;
  std::vector<Tensor> offsets;
  std::vector<Tensor> changes;
  bool biased = false;
  bool changed = false;
  std::int64_t first = 0;
  for (const auto* part : parts_) {
    const auto out = part->weight.size(0);
    const auto product = y.narrow(1, first, out);
    first += out;
    biased = biased || part->bias.defined();
    offsets.push_back(part->bias.defined() ? part->bias : at::zeros({out}, at::kFloat));
    Tensor change;
    for (const auto& delta : part->deltas) {
      const auto one = delta->apply(x, product, *part);
      change = change.defined() ? change + one : one;
    }
    changed = changed || change.defined();
    changes.push_back(change.defined() ? change.to(y.scalar_type()) : at::zeros({x.size(0), out}, y.options()));
  }
  if (biased) biases = at::cat(offsets).to(y.scalar_type());
  if (changed) deltas = at::cat(changes, 1);
  if (!biases.defined()) return deltas;
  return deltas.defined() ? deltas + biases : biases;
}

Tensor JoinedMap::apply(const Tensor& x, bool wide) {
  const auto input = x.to(compute_).contiguous();
  std::vector<Tensor> weights;
  for (const auto* part : parts_) weights.push_back(part->weight);
  const auto copy = copy_of_weights();
  const auto trained = std::find_if(weights.begin(), weights.end(), [](const Tensor& w) { return w.requires_grad(); });
  const auto y = JoinedProduct::apply(input, trained == weights.end() ? input : *trained, &copy, wide, weights);
  bool plain = true;
  for (const auto* part : parts_) plain = plain && !part->bias.defined() && part->deltas.empty();
  return plain ? y : y + additions(input, y);
}

Tensor fused_embedding(const Tensor& table, const Tensor& tokens) { return Embedding::apply(table, tokens); }

}  // namespace touchstone
