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

/// The trained positions of the given labels, flattened.
struct Trained {
  Tensor at;      ///< [M] int64
  Tensor labels;  ///< [M] int64
  std::int64_t leading = 0;
  at::IntArrayRef shape;
};

Trained read_labels(const Tensor& labels, const Tensor& logits) {
  require(logits.dim() >= 2, Fault::shape,
          [&] { return "tensor 'logits': found shape " + c10::str(logits.sizes()) + ", expected floats [..., V]"; });
  expect_shape(labels, logits.sizes().slice(0, static_cast<std::size_t>(logits.dim()) - 1), "labels");
  require(at::isIntegralType(labels.scalar_type(), false), Fault::shape, "tensor 'labels': expected integers");
  const auto flat = labels.reshape({-1}).to(at::kLong);
  const auto at = flat.ge(0).nonzero().squeeze(-1);
  require(at.size(0) > 0 && flat.max().item<std::int64_t>() < logits.size(-1), Fault::shape, [&] {
    return "tensor 'labels': expected at least one label that is not negative, and all below " +
           std::to_string(logits.size(-1));
  });
  return {.at = at, .labels = flat.index_select(0, at), .leading = labels.dim(), .shape = labels.sizes()};
}

/// A tensor with one value per label, at the trained positions; undefined when it is not given.
Tensor optional(const NamedTensors& inputs, const std::string& name, const Trained& trained_at) {
  if (inputs.count(name) == 0) return {};
  expect_shape(input(inputs, name), trained_at.shape, name);
  return input(inputs, name).reshape({-1}).index_select(0, trained_at.at);
}

Tensor as_float(const Tensor& tensor) { return tensor.defined() ? tensor.to(at::kFloat) : tensor; }

Tensor read_marks(const NamedTensors& inputs, const std::vector<std::string>& roles, const Trained& trained_at) {
  if (roles.empty()) return {};
  const auto marks = optional(inputs, "marks", trained_at);
  require(marks.defined(), Fault::shape, "holds no tensor 'marks'");
  return marks.to(at::kByte);
}

TokenBatch make_token_batch(const NamedTensors& inputs, const TokenLoss& objective, const Tensor& logits,
                            const Trained& trained_at) {
  TokenBatch batch;
  batch.labels = trained_at.labels;
  batch.logits = trained(logits, trained_at.leading, trained_at.at);
  batch.weights = as_float(optional(inputs, "weights", trained_at));
  batch.marks = read_marks(inputs, objective.roles, trained_at);
  batch.keys = trained_at.at;
  if (!objective.frozen.empty()) {
    expect_shape(input(inputs, "ref_logits"), logits.sizes(), "ref_logits");
    batch.ref_logits = trained(input(inputs, "ref_logits"), trained_at.leading, trained_at.at);
  }
  return batch;
}

/// Where each record's answers begin, from the record of each answer; without it each has as few as there may be.
std::vector<std::int64_t> record_starts(const NamedTensors& inputs, const AnswersRead& read, std::int64_t answers) {
  std::vector<std::int64_t> starts;
  Tensor records = at::arange(answers, at::kLong).div(read.least, "floor");
  if (inputs.count("records") != 0) records = input(inputs, "records").to(at::kLong);
  expect_shape(records, {answers}, "records");
  for (std::int64_t answer = 0; answer < answers; ++answer) {
    const auto step = answer == 0 ? 1 : (records[answer] - records[answer - 1]).item<std::int64_t>();
    require(step >= 0, Fault::shape,
            "tensor 'records': found a value below the one before it, expected values that do not fall");
    if (step > 0) starts.push_back(answer);
  }
  starts.push_back(answers);
  return starts;
}

AnswerBatch make_answer_batch(const NamedTensors& inputs, const AnswerLoss& objective, const Tensor& logits,
                              const Trained& trained_at) {
  require(trained_at.leading == 2, Fault::shape, [&] {
    return "tensor 'labels': found shape " + c10::str(trained_at.shape) + ", expected [A, T], a row for each answer";
  });
  AnswerBatch batch;
  const auto at_label = trained(logits, 2, trained_at.at).log_softmax(-1);
  batch.logp = at_label.gather(-1, trained_at.labels.unsqueeze(-1)).squeeze(-1);
  batch.weights = as_float(optional(inputs, "weights", trained_at));
  batch.marks = read_marks(inputs, objective.roles, trained_at);
  batch.ref_logp = as_float(optional(inputs, "ref_logp", trained_at));
  batch.answer_of = trained_at.at.div(trained_at.shape[1], "floor");
  batch.starts = record_starts(inputs, objective.answers, trained_at.shape[0]);
  for (std::size_t record = 0; record + 1 < batch.starts.size(); ++record) {
    batch.numbers.push_back(static_cast<std::int64_t>(record));
  }
  batch.rewards.assign(static_cast<std::size_t>(trained_at.shape[0]), 0.0);
  if (inputs.count("rewards") != 0) {
    expect_shape(input(inputs, "rewards"), {trained_at.shape[0]}, "rewards");
    for (std::size_t answer = 0; answer < batch.rewards.size(); ++answer) {
      batch.rewards[answer] = input(inputs, "rewards")[static_cast<std::int64_t>(answer)].item<double>();
    }
  }
  return batch;
}

/// A loss, and what its logged sums are divided by.
struct Found {
  LossSum loss;
  double logged_over = 0.0;
};

Found run_tokens(const TokenLoss& objective, const NamedTensors& inputs, const Tensor& logits,
                 const Trained& trained_at) {
  if (objective.prepare) {
    const auto ref_logp = optional(inputs, "ref_logp", trained_at);
    require(ref_logp.defined(), Fault::shape, "holds no tensor 'ref_logp'");
    const auto values = ref_logp.to(at::kFloat).contiguous();
    objective.prepare({values.const_data_ptr<float>(), values.const_data_ptr<float>() + values.numel()});
  }
  return {.loss = objective.loss(make_token_batch(inputs, objective, logits, trained_at)),
          .logged_over = static_cast<double>(trained_at.labels.size(0))};
}

Found run_answers(const AnswerLoss& objective, const NamedTensors& inputs, const Tensor& logits,
                  const Trained& trained_at) {
  const auto batch = make_answer_batch(inputs, objective, logits, trained_at);
  return {.loss = objective.loss(batch), .logged_over = static_cast<double>(batch.numbers.size())};
}

using Run = std::function<Found(const NamedTensors& inputs, const Tensor& logits, const Trained& trained_at)>;

/// How an objective is run on given logits. Throws Fault::config for one that needs more than these.
Run runner_of(const std::string& name, const Objective& objective) {
  const auto refuse = [&](const std::string& why) -> Run {
    throw Error(Fault::config, "objective '" + name + "' " + why);
  };
  return std::visit(
      Cases{[](const TokenLoss& one) -> Run {
              return [&one](const auto&... given) { return run_tokens(one, given...); };
            },
            [](const AnswerLoss& one) -> Run {
              return [&one](const auto&... given) { return run_answers(one, given...); };
            },
            [&](const RolloutLoss&) {
              return refuse("takes answers that a model has just written: only the stage 'reinforce' runs it");
            },
            [&](const ModelLoss&) { return refuse("looks into a model: only the stage 'train' runs it"); }},
      objective);
}

}  // namespace

NamedTensors run_objective(const std::string& name, const std::string& options_json, const NamedTensors& inputs,
                           const TrainerBook& book) {
  Json options = options_json.empty() ? Json::object() : parse_json(options_json, "--options");
  require(options.is_object(), Fault::config, "--options: expected a JSON object, for instance {}");
  options["use"] = name;
  const auto objective = make_use(Options(options, "objective " + name), book.objectives, book);
  const auto run = runner_of(name, objective);
  auto logits = input(inputs, "logits").detach().clone();
  require(at::isFloatingType(logits.scalar_type()), Fault::shape, "tensor 'logits': expected floats");
  logits.requires_grad_(true);
  const auto trained_at = read_labels(input(inputs, "labels"), logits);
  const auto [loss, logged_over] = run(inputs, logits, trained_at);
  const auto mean = loss.count > 0.0 ? loss.sum / loss.count : loss.sum;  // all left out: a sum of zero
  mean.backward();
  NamedTensors outputs = {{"loss", mean.detach()},
                          {"sum", loss.sum.detach()},
                          {"count", at::scalar_tensor(loss.count, at::kDouble)},
                          {"grad_logits", logits.grad()}};
  for (const auto& [key, value] : loss.logged) {
    outputs["logged." + key] = at::scalar_tensor(value / logged_over, at::kDouble);
  }
  return outputs;
}

}  // namespace touchstone
