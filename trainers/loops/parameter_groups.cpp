#include "trainers/loops/parameter_groups.hpp"

#include "harness/model/ops.hpp"
#include "trainers/deltas/trainable.hpp"

namespace touchstone {

void ParameterGroups::add(NamedParameters parameters, double learning_rate) {
  if (parameters.empty()) return;
  for (const auto& [name, tensor] : parameters) tensor->requires_grad_(true);  // an earlier stage may have frozen them
  AdamW optimizer(parameters, options_.adamw);
  groups_.push_back({std::move(parameters), learning_rate, std::move(optimizer)});
}

void ParameterGroups::add(const Module& module) {
  add(module.parameters, module.learning_rate > 0.0 ? module.learning_rate : options_.learning_rate);
}

void ParameterGroups::restore(const TrainState& state, bool with_moments) {
  for (auto& group : groups_) {
    restore_weights(state, group.parameters);
    if (with_moments) group.optimizer.restore(state.moments, state.step);
  }
}

void ParameterGroups::save(TrainState& state, bool with_moments) const {
  for (const auto& group : groups_) {
    for (const auto& [name, tensor] : group.parameters) state.weights[name] = tensor->detach();
    if (with_moments) state.moments.merge(group.optimizer.moments());
  }
}

std::vector<double> ParameterGroups::norms(double divisor) const {
  std::vector<double> all;
  for (const auto& group : groups_) all.push_back(divisor > 0.0 ? group.optimizer.gradient_norm() / divisor : 0.0);
  return all;
}

void ParameterGroups::step(double factor, double divisor, const std::vector<double>& norms) {
  for (std::size_t at = 0; at < groups_.size(); ++at) {
    groups_[at].optimizer.step(groups_[at].learning_rate * factor, clipped_divisor(options_, divisor, norms[at]));
  }
}

ParameterGroups trained_groups(Session& session, const std::vector<std::string>& modules,
                               const OptimizerOptions& options) {
  auto& model = *session.model;
  // Under a soft prompt alone the weights are frozen, too.
  const bool beside = session.adapter != nullptr && !session.folded && delta_parameters(model).empty();
  auto own =
      beside && modules == std::vector<std::string>{"all"} ? NamedParameters() : trainable_parameters(model, modules);
  require(!beside || own.empty(), Fault::config,
          "trained_modules: found names beside a soft prompt, which trains no weights, expected [\"all\"]");
  freeze(model);
  ParameterGroups groups(options);
  groups.add(std::move(own), options.learning_rate);
  for (const auto& [name, module] : session.modules) groups.add(module);
  return groups;
}

}  // namespace touchstone
