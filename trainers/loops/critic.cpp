#include "trainers/loops/critic.hpp"

#include "harness/model/ops.hpp"
#include "trainers/losses/loss.hpp"

namespace touchstone {

Critic::Critic(const Model& model) : model_(model.clone()) {
  for (auto& [name, tensor] : model_->parameters()) tensor->requires_grad_(true);
  head_ = at::zeros({1, model_->hidden_size()}, at::device(model_->head().weight.device()).dtype(at::kFloat));
  head_.requires_grad_(true);
}

Tensor Critic::values(const Batch& batch) const {
  Want want;
  want.logits = false;
  want.hidden = true;
  want.hidden_at = batch.at;
  const auto hidden = model_->forward(inputs_of(*model_, batch), want).hidden;
  return at::matmul(hidden.to(at::kFloat), head_[0]);
}

Module Critic::module(double learning_rate) {
  Module module{.parameters = {}, .learning_rate = learning_rate};
  for (auto& [name, tensor] : model_->parameters()) module.parameters.emplace_back("critic." + name, tensor);
  module.parameters.emplace_back("critic.value_head.weight", &head_);
  return module;
}

}  // namespace touchstone
