#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

using Memory = std::map<std::string, Tensor>;

struct DiscriminativeOptions {
  bool mean_score = false;
  double tau = 1.0;
  double gamma = 0.85;
  double clamp = 50.0;
};

/// log u of each record as last updated, extended by log u = 0 for records not met yet.
Tensor& running_estimates(Memory& memory, const AnswerBatch& batch) {
  auto& log_u = memory["log_u"];
  if (!log_u.defined()) log_u = at::zeros({0}, at::kDouble);
  std::int64_t needed = 0;
  for (const auto number : batch.numbers) needed = std::max(needed, number + 1);
  if (needed > log_u.size(0)) log_u = at::cat({log_u, at::zeros({needed - log_u.size(0)}, at::kDouble)});
  return log_u;
}

/// Weights W_j [A] of the negatives, without gradient: exp(D_j - log u), after the record's running u is updated. Zero
/// for each record's first answer. A batch without gradient (validation) does not change the running u: there u is
/// computed from the batch alone.
Tensor negative_weights(const AnswerBatch& batch, const Tensor& score, const DiscriminativeOptions& options,
                        Tensor* log_u) {
  auto d = score.detach().to(at::kCPU, at::kDouble) / options.tau;
  if (!options.mean_score) d = d - answer_sums(batch, reference_logp(batch)).to(at::kCPU, at::kDouble);
  auto weights = at::zeros_like(d);
  for (std::size_t record = 0; record + 1 < batch.starts.size(); ++record) {
    const auto first = batch.starts[record] + 1;
    const auto negatives = batch.starts[record + 1] - first;
    if (negatives == 0) continue;
    const auto own = d.narrow(0, first, negatives);
    const auto mean = own.logsumexp(0) - std::log(static_cast<double>(negatives));
    auto now = mean;
    if (log_u != nullptr) {
      const auto kept = (*log_u)[batch.numbers[record]];
      if (options.gamma < 1.0) {
        now = at::logaddexp(kept + std::log1p(-options.gamma), mean + std::log(options.gamma));
      }
      kept.copy_(now);
    }
    weights.narrow(0, first, negatives).copy_((own - now).clamp(-options.clamp, options.clamp).exp());
  }
  return weights.to(score.options());
}

/// Per record -s(y) + (1/m) sum_j W_j s(y'_j) over the m answers after the first, which are the model's own. s is an
/// answer's log-probability (DFT) or its mean over tokens (DFT2); W_j is the negative's share of a running estimate of
/// the partition function over all answers. Gradient through s alone; mean over records.
/// Source: "Discriminative Finetuning of Generative Large Language Models without Reward Models and Human Preference
/// Data", arXiv 2502.18679, equations 4 to 8, from the authors' code (dft_trainer.py); the bound on W is ours.
LossSum discriminative_loss(const AnswerBatch& batch, const DiscriminativeOptions& options, Memory& memory) {
  const auto sums = answer_sums(batch, batch.logp);
  const auto lengths = answer_sums(batch, at::ones_like(batch.logp.detach()));
  const auto score = options.mean_score ? sums / lengths.clamp_min(1.0) : sums;
  auto* const log_u = at::GradMode::is_enabled() ? &running_estimates(memory, batch) : nullptr;
  const auto weights = negative_weights(batch, score, options, log_u);
  std::vector<std::int64_t> own;
  auto share = at::zeros({batch.starts.back()}, at::kDouble);
  for (std::size_t record = 0; record + 1 < batch.starts.size(); ++record) {
    const auto first = batch.starts[record];
    const auto negatives = batch.starts[record + 1] - first - 1;
    own.push_back(first);
    if (negatives > 0) share.narrow(0, first + 1, negatives).fill_(1.0 / static_cast<double>(negatives));
  }
  const auto pull = weights * share.to(score.options());
  const auto gold = at::tensor(own).to(score.device());
  LossSum loss;
  loss.sum = -score.index_select(0, gold).sum() + pull.dot(score);
  loss.count = static_cast<double>(own.size());
  loss.logged = {{"nll", -logged_sum((sums.detach() / lengths.clamp_min(1.0)).index_select(0, gold))},
                 {"weight", logged_sum(pull)}};
  return loss;
}

Objective make_discriminative(Options& options, const TrainerBook&) {
  DiscriminativeOptions chosen;
  chosen.mean_score =
      options.text("score", "sum: an answer's log-probability (DFT); mean: that per token (DFT2), without reference",
                   {.fallback = "sum", .choices = {"sum", "mean"}}) == "mean";
  chosen.tau = options.number("tau", "temperature of the scores; the paper has 1 for sum, 0.3 for mean",
                              {.fallback = 1.0, .min = 1e-3, .max = 1e3});
  chosen.gamma = options.number("gamma", "weight of the newest estimate in the running one; 1: no memory",
                                {.fallback = 0.85, .min = 1e-6, .max = 1.0});
  AnswerLoss objective;
  objective.others_per_epoch =
      options.integer("negatives",
                      "m: model's answers of a row in each epoch, unused ones as long as there are any; "
                      "0: all in each",
                      {.fallback = 0, .min = 0, .max = 1024});
  objective.answers = {.all = true, .least = 2};
  objective.ref_logp = !chosen.mean_score;
  objective.state = std::make_shared<Memory>();
  objective.loss = [chosen, memory = objective.state](const AnswerBatch& batch) {
    return discriminative_loss(batch, chosen, *memory);
  };
  return objective;
}

}  // namespace

namespace plugins {
void discriminative(TrainerBook& book) {
  book.objectives.add("discriminative",
                      {.summary = "the data's answer against the model's own, by likelihood (arXiv 2502.18679)",
                       .make = make_discriminative});
}
}  // namespace plugins
}  // namespace touchstone
