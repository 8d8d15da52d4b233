#include "trainers/loops/adamw.hpp"

#include <cmath>

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {

AdamW::AdamW(NamedParameters parameters, const AdamWOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
  for (const auto& [name, tensor] : parameters_) {
    first_.push_back(at::zeros_like(*tensor, at::MemoryFormat::Contiguous));
    second_.push_back(at::zeros_like(*tensor, at::MemoryFormat::Contiguous));
  }
}

double AdamW::gradient_norm() const {
  std::vector<Tensor> squares;
  for (const auto& [name, tensor] : parameters_) {
    if (!tensor->grad().defined()) continue;
    const auto flat = tensor->grad().reshape({-1});
    squares.push_back(flat.dot(flat).to(at::kDouble));
  }
  return squares.empty() ? 0.0 : std::sqrt(at::stack(squares).sum().item<double>());
}

void AdamW::step(double learning_rate, double divisor) {
  const at::NoGradGuard no_grad;
  ++steps_;
  struct Group {
    std::vector<Tensor> values, gradients, first, second, steps;
  };
  std::map<std::pair<bool, double>, Group> groups;  // by whether it decays, and the factor of its rate
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    auto& tensor = *parameters_[i].second;
    if (!tensor.grad().defined()) continue;
    const auto factor = options_.rate_factors.find(parameters_[i].first);
    auto& group = groups[{tensor.dim() >= 2, factor == options_.rate_factors.end() ? 1.0 : factor->second}];
    group.values.push_back(tensor);
    group.gradients.push_back(tensor.grad().contiguous());
    group.first.push_back(first_[i]);
    group.second.push_back(second_[i]);
    group.steps.push_back(
        at::full({}, static_cast<double>(steps_), tensor.options().dtype(at::kFloat).requires_grad(false)));
  }
  for (auto& [kind, group] : groups) {
    const auto [decays, factor] = kind;
    const auto scale = at::full({}, divisor, group.values.front().options().dtype(at::kFloat).requires_grad(false));
    at::_fused_adamw_(group.values, group.gradients, group.first, group.second, /*max_exp_avg_sqs=*/{}, group.steps,
                      learning_rate * factor, options_.beta1, options_.beta2, decays ? options_.weight_decay : 0.0,
                      options_.epsilon, /*amsgrad=*/false, /*maximize=*/false, scale);
    // The fused kernel, unlike other in-place operators, does not raise the version, which copies of weights check.
    for (const auto& tensor : group.values) tensor.unsafeGetTensorImpl()->bump_version();
  }
  for (auto& [name, tensor] : parameters_) tensor->mutable_grad().reset();
}

NamedTensors AdamW::moments() const {
  NamedTensors all;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    all["exp_avg." + parameters_[i].first] = first_[i];
    all["exp_avg_sq." + parameters_[i].first] = second_[i];
  }
  return all;
}

void AdamW::restore(const NamedTensors& moments, std::int64_t steps) {
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : this->moments()) {
    const auto found = moments.find(name);
    require(found != moments.end() && found->second.sizes() == tensor.sizes(), Fault::checkpoint,
            [&, &name = name, &tensor = tensor] {
              return "optimizer state '" + name +
                     "': " + (found == moments.end() ? "missing" : "found shape " + c10::str(found->second.sizes())) +
                     ", expected " + c10::str(tensor.sizes());
            });
    tensor.copy_(found->second);
  }
  steps_ = steps;
}

}  // namespace touchstone
