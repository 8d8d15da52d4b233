#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/losses/advantages.hpp"
#include "trainers/losses/policy_ratio.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

/// An answer's reward minus beta times its summed divergence from the reference, minus the mean of the same over the
/// other answers of its group.
std::map<std::string, Tensor> rloo_credit(const AnswerBatch& batch, double beta) {
  auto rewards = batch.rewards;
  if (beta > 0.0) {
    const auto kl = answer_sums(batch, kl_estimate(batch.logp, reference_logp(batch), "k1")).to(at::kCPU, at::kDouble);
    for (std::size_t at = 0; at < rewards.size(); ++at) {
      rewards[at] -= beta * kl[static_cast<std::int64_t>(at)].item<double>();
    }
  }
  const auto advantage = over_tokens(batch, leave_one_out(rewards, batch.starts));
  require(advantage.isfinite().all().item<bool>(), Fault::numeric, [] {
    return std::string(
        "an advantage is not a finite number, because a reward or a log-probability of the model or its reference is "
        "not");
  });
  return {{"old_logp", batch.logp}, {"advantage", advantage}};
}

/// -min(rho A, clip(rho) A); rho is the answer's probability divided by that when it was written. Mean over answers.
/// Source: "Back to Basics: Revisiting REINFORCE Style Optimization for Learning from Human Feedback in LLMs", arXiv
/// 2402.14740, equation 6; the ratio and its clipping as in TRL's RLOOTrainer.
LossSum leave_one_out_loss(const AnswerBatch& batch, double low, double high) {
  const auto weights = token_weights(batch);
  const auto length = answer_sums(batch, weights);
  const auto there = length.gt(0.0).to(weights.scalar_type());
  const auto advantage = answer_sums(batch, weights * note_of(batch, "advantage")) / length.clamp_min(1e-6);
  const auto ratio = answer_sums(batch, weights * log_ratio_to_old(batch)).clamp(-20.0, 20.0).exp();
  LossSum loss;
  loss.sum = there.dot(clipped_loss(ratio, advantage, low, high));
  loss.count = logged_sum(there);
  const auto outside = ratio.detach().lt(1.0 - low).logical_or(ratio.detach().gt(1.0 + high)).to(ratio.scalar_type());
  loss.logged = {{"clipped", logged_mean(batch, outside.index_select(0, batch.answer_of))}};
  return loss;
}

Objective make_rloo(Options& options, const TrainerBook&) {
  const auto beta = options.number("beta", "weight of an answer's divergence (k1) from the reference in its reward",
                                   {.fallback = 0.05, .min = 0.0, .max = 1e3});
  const auto low =
      options.number("epsilon", "an answer's ratio is clipped at 1 - this", {.fallback = 0.2, .min = 1e-6, .max = 1.0});
  auto high = options.number("epsilon_high", "and at 1 + this; 0: epsilon", {.fallback = 0.0, .min = 0.0, .max = 1e3});
  if (high == 0.0) high = low;
  RolloutLoss objective;
  objective.ref_logp = beta > 0.0;
  objective.least_group = 2;
  objective.credit = [beta](const AnswerBatch& batch) { return rloo_credit(batch, beta); };
  objective.loss = [low, high](const AnswerBatch& batch) { return leave_one_out_loss(batch, low, high); };
  return objective;
}

}  // namespace

namespace plugins {
void rloo(TrainerBook& book) {
  book.objectives.add(
      "rloo", {.summary = "compares each written answer with the others' mean (arXiv 2402.14740)", .make = make_rloo});
}
}  // namespace plugins
}  // namespace touchstone
