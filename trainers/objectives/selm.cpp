#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/losses/preference.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

/// -log sigma(beta h) of a record's first answer against its second, plus alpha beta (log p(y) - log ref(y)) of its
/// third, y, which the reference itself wrote: the model learns to move away from y. A record without a third has no
/// such term. Sums over tokens. Source: "Self-Exploring Language Models: Active Preference Elicitation for Online
/// Alignment", arXiv 2405.19332, equation 8, with the factor beta of the authors' code (selm_trainer.py).
LossSum exploring_preference(const AnswerBatch& batch, double beta, double alpha) {
  const auto pairs = answer_pairs(batch, /*others=*/1);
  const auto ratios = log_ratios(batch);
  const auto h = ratios.index_select(0, pairs.better) - ratios.index_select(0, pairs.worse);
  auto loss = sum_over_records(batch, pairs, dpo_sigmoid(h, beta), beta * ratios);
  std::vector<std::int64_t> own;
  for (std::size_t record = 0; record + 1 < batch.starts.size(); ++record) {
    if (batch.starts[record + 1] - batch.starts[record] > 2) own.push_back(batch.starts[record] + 2);
  }
  const auto explored = ratios.index_select(0, at::tensor(own, at::kLong).to(ratios.device())).sum();
  loss.sum = loss.sum + alpha * beta * explored;
  loss.logged["own_log_ratio"] = logged_sum(explored);
  return loss;
}

Objective make_selm(Options& options, const TrainerBook&) {
  const auto beta = options.number("beta", "how far the model may move from the reference; smaller is farther",
                                   {.fallback = 0.01, .min = 1e-6, .max = 1e3});
  const auto alpha = options.number("alpha", "weight of the optimism term; 0: direct preference optimisation",
                                    {.fallback = 0.001, .min = 0.0, .max = 1e3});
  AnswerLoss objective;
  objective.ref_logp = true;
  objective.answers = {.all = true, .least = 2};
  objective.loss = [beta, alpha](const AnswerBatch& batch) { return exploring_preference(batch, beta, alpha); };
  return objective;
}

}  // namespace

namespace plugins {
void selm(TrainerBook& book) {
  book.objectives.add(
      "selm",
      {.summary = "preference that leans away from what the model would write (arXiv 2405.19332)", .make = make_selm});
}
}  // namespace plugins
}  // namespace touchstone
