#include "harness/train/run_objective.hpp"

#include "harness/base/json.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

Tensor input(const NamedTensors& inputs, const std::string& name) {
  const auto found = inputs.find(name);
  require(found != inputs.end(), Fault::shape, [&] { return "holds no tensor '" + name + "'"; });
  return found->second;
}

void expect_shape(const Tensor& found, at::IntArrayRef wanted, const std::string& name) {
  require(found.sizes() == wanted, Fault::shape, [&] {
    return "tensor '" + name + "': found shape " + c10::str(found.sizes()) + ", expected " + c10::str(wanted);
  });
}

/// The trained positions of a tensor [..., V] or [...], as the objective sees them.
Tensor trained(const Tensor& tensor, std::int64_t leading, const Tensor& at) {
  auto flat = tensor.dim() == leading ? tensor.reshape({-1}) : tensor.reshape({-1, tensor.size(-1)});
  return flat.index_select(0, at).to(at::kFloat);
}

TokenBatch make_token_batch(const NamedTensors& inputs, const TokenObjective& objective, const Tensor& logits) {
  const auto labels = input(inputs, "labels");
  require(logits.dim() >= 2 && at::isFloatingType(logits.scalar_type()), Fault::shape,
          [&] { return "tensor 'logits': found shape " + c10::str(logits.sizes()) + ", expected floats [..., V]"; });
  expect_shape(labels, logits.sizes().slice(0, static_cast<std::size_t>(logits.dim()) - 1), "labels");
  require(at::isIntegralType(labels.scalar_type(), false), Fault::shape,
          [] { return std::string("tensor 'labels': expected integers"); });
  const auto flat = labels.reshape({-1}).to(at::kLong);
  const auto at = flat.ge(0).nonzero().squeeze(-1);
  require(at.size(0) > 0 && flat.max().item<std::int64_t>() < logits.size(-1), Fault::shape, [&] {
    return "tensor 'labels': expected at least one label that is not negative, and all below " +
           std::to_string(logits.size(-1));
  });
  TokenBatch batch;
  batch.labels = flat.index_select(0, at);
  batch.logits = trained(logits, labels.dim(), at);
  if (inputs.count("weights") != 0) {
    expect_shape(input(inputs, "weights"), labels.sizes(), "weights");
    batch.weights = trained(input(inputs, "weights"), labels.dim(), at);
  }
  if (objective.needs_reference) {
    expect_shape(input(inputs, "ref_logits"), logits.sizes(), "ref_logits");
    batch.ref_logits = trained(input(inputs, "ref_logits"), labels.dim(), at);
  }
  return batch;
}

}  // namespace

NamedTensors run_objective(const std::string& name, const std::string& options_json, const NamedTensors& inputs,
                           const TrainerBook& book) {
  Json options = options_json.empty() ? Json::object() : parse_json(options_json, "--options");
  require(options.is_object(), Fault::config,
          [] { return std::string("--options: expected a JSON object, for instance {}"); });
  options["use"] = name;
  const auto objective = make_use(Options(options, "objective " + name), book.objectives, book);
  auto logits = input(inputs, "logits").detach().clone();
  require(at::isFloatingType(logits.scalar_type()), Fault::shape,
          [] { return std::string("tensor 'logits': expected floats"); });
  logits.requires_grad_(true);
  const auto batch = make_token_batch(inputs, objective, logits);
  const auto loss = objective.loss(batch);
  const auto mean = loss.sum / loss.count;
  mean.backward();
  NamedTensors outputs = {{"loss", mean.detach()},
                          {"sum", loss.sum.detach()},
                          {"count", at::scalar_tensor(loss.count, at::kDouble)},
                          {"grad_logits", logits.grad()}};
  const auto positions = static_cast<double>(batch.labels.size(0));
  for (const auto& [key, value] : loss.logged)
    outputs["logged." + key] = at::scalar_tensor(value / positions, at::kDouble);
  return outputs;
}

}  // namespace touchstone
