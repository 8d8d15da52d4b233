#include "harness/base/object_reader.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/losses/advantages.hpp"
#include "trainers/losses/policy_ratio.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

struct GrpoOptions {
  GroupScale scale = GroupScale::group;
  std::string loss_type;
  bool of_sequences = false;
  double low = 0.2;
  double high = 0.2;
  double delta = 0.0;
  double beta = 0.0;
  double longest = 0.0;
};

std::map<std::string, Tensor> grpo_credit(const AnswerBatch& batch, const GrpoOptions& options) {
  const auto advantages = group_advantages(batch.rewards, batch.starts, options.scale);
  std::map<std::string, Tensor> notes = {{"old_logp", batch.logp}, {"advantage", over_tokens(batch, advantages)}};
  require(notes["advantage"].isfinite().all().item<bool>(), Fault::numeric,
          "an advantage is not a finite number, because a reward is not");
  if (options.beta > 0.0) notes["ref_logp"] = reference_logp(batch);
  return notes;
}

/// Each token's weight in the loss, [M]: for "grpo" its share of its answer's mean, so that answers weigh the same.
Tensor token_shares(const AnswerBatch& batch, const Tensor& weights, const GrpoOptions& options) {
  if (options.loss_type != "grpo") return weights;
  const auto length = answer_sums(batch, weights).clamp_min(1e-6);
  return weights / length.index_select(0, batch.answer_of);
}

/// -min(rho A, clip(rho) A) + beta k3 of each token. rho is its probability divided by that when it was written; at the
/// level of sequences, the geometric mean of these over the answer. Divided by a step's tokens (dapo), by answers after
/// a mean over each (grpo), or by answers times a constant length (dr_grpo). Sources: "DeepSeekMath", arXiv 2402.03300,
/// equation 3; "Understanding R1-Zero-Like Training", arXiv 2503.20783, section 3.2; "DAPO", arXiv 2503.14476, eqs.
/// 8 and 12; "Group Sequence Policy Optimization", arXiv 2507.18071, equation 5; bound delta as in TRL's GRPOTrainer.
LossSum group_loss(const AnswerBatch& batch, const GrpoOptions& options) {
  const auto weights = token_weights(batch);
  auto log_ratio = log_ratio_to_old(batch);
  if (options.of_sequences) {
    const auto mean = answer_sums(batch, weights * log_ratio) / answer_sums(batch, weights).clamp_min(1e-6);
    log_ratio = mean.index_select(0, batch.answer_of);
  }
  const auto ratio = log_ratio.exp();
  const auto advantage = note_of(batch, "advantage");
  const auto bounded = options.delta > 0.0 ? ratio.clamp_max(options.delta) : ratio;
  const auto near = ratio.clamp(1.0 - options.low, 1.0 + options.high);
  auto token_loss = -at::minimum(bounded * advantage, near * advantage);
  if (options.beta > 0.0) {
    token_loss = token_loss + options.beta * kl_estimate(batch.logp, note_of(batch, "ref_logp"), "k3");
  }
  LossSum loss;
  loss.sum = token_shares(batch, weights, options).dot(token_loss);
  const auto answers = logged_sum(answer_sums(batch, weights).gt(0.0));
  loss.count = options.loss_type == "dapo" ? logged_sum(weights)
                                           : answers * (options.loss_type == "grpo" ? 1.0 : options.longest);
  const auto outside = ratio.detach().lt(1.0 - options.low).logical_or(ratio.detach().gt(1.0 + options.high));
  loss.logged = {{"clipped", logged_mean(batch, outside.to(ratio.scalar_type()))},
                 {"no_advantage", logged_mean(batch, advantage.eq(0.0).to(ratio.scalar_type()))}};
  return loss;
}

Objective make_grpo(Options& options, const TrainerBook&) {
  GrpoOptions chosen;
  const auto scale = options.text("scale_rewards", "what rewards are divided by: the group's deviation, the batch's, 1",
                                  {.fallback = "group", .choices = group_scale_names()});
  chosen.scale = scale == "group" ? GroupScale::group : scale == "batch" ? GroupScale::batch : GroupScale::none;
  chosen.loss_type =
      options.text("loss_type", "mean over tokens (dapo), mean of answers' means (grpo), by a constant (dr_grpo)",
                   {.fallback = "dapo", .choices = {"dapo", "grpo", "dr_grpo"}});
  chosen.of_sequences = options.text("importance_sampling_level", "ratios of tokens or sequences (GSPO)",
                                     {.fallback = "token", .choices = {"token", "sequence"}}) == "sequence";
  chosen.low = options.number("epsilon", "a ratio is clipped at 1 - this", {.fallback = 0.2, .min = 1e-6, .max = 1.0});
  chosen.high =
      options.number("epsilon_high", "and at 1 + this; 0: as epsilon", {.fallback = 0.0, .min = 0.0, .max = 1e3});
  if (chosen.high == 0.0) chosen.high = chosen.low;
  chosen.delta = options.number("delta", "upper bound of a ratio where the advantage is below zero; 0: no bound",
                                {.fallback = 0.0, .min = 0.0, .max = 1e3});
  chosen.beta = options.number("beta", "weight of the divergence (k3) from the reference; 0: no reference",
                               {.fallback = 0.0, .min = 0.0, .max = 1e3});
  chosen.longest = options.number("max_completion_length", "dr_grpo: tokens that an answer counts for",
                                  {.fallback = 0.0, .min = 0.0, .max = 1e9});
  require(chosen.loss_type != "dr_grpo" || chosen.longest > 0.0, Fault::config, [&] {
    return options.where() + ": key 'max_completion_length': found " + shown_json(chosen.longest) +
           ", expected a number above 0, which loss_type dr_grpo needs";
  });
  RolloutLoss objective;
  objective.ref_logp = chosen.beta > 0.0;
  objective.least_group = 2;
  objective.credit = [chosen](const AnswerBatch& batch) { return grpo_credit(batch, chosen); };
  objective.loss = [chosen](const AnswerBatch& batch) { return group_loss(batch, chosen); };
  return objective;
}

}  // namespace

namespace plugins {
void grpo(TrainerBook& book) {
  book.objectives.add("grpo", {.summary = "compares each written answer with its group (arXiv 2402.03300, variants)",
                               .make = make_grpo});
}
}  // namespace plugins
}  // namespace touchstone
