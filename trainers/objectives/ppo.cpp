#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/losses/advantages.hpp"
#include "trainers/losses/policy_ratio.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

struct PpoOptions {
  double kl_coef = 0.05;
  std::string kl_estimator;
  double gamma = 1.0;
  double lambda = 0.95;
  double clip = 0.2;
  double clip_value = 0.2;
  double value_weight = 0.1;
  bool whiten_rewards = false;
  bool whiten_advantages = true;
};

/// Each token's reward, [M]: minus kl_coef times the estimated divergence at that token; the last token of an answer
/// also gets the answer's own reward.
Tensor token_rewards(const AnswerBatch& batch, const PpoOptions& options) {
  auto rewards = -options.kl_coef * kl_estimate(batch.logp, reference_logp(batch), options.kl_estimator);
  const auto places = at::arange(batch.answer_of.size(0), batch.answer_of.options());
  const auto last =
      at::zeros({batch.starts.back()}, batch.answer_of.options()).scatter_reduce(0, batch.answer_of, places, "amax");
  const auto scores = at::tensor(batch.rewards, at::kDouble).to(rewards.options());
  return rewards.index_add(0, last, scores);
}

/// Advantages and returns of the written answers, computed once per rollout.
std::map<std::string, Tensor> ppo_credit(const AnswerBatch& batch, const PpoOptions& options) {
  auto rewards = token_rewards(batch, options);
  if (options.whiten_rewards) rewards = whitened(rewards, /*shift=*/false);
  const auto made = generalised_advantages(rewards, batch.values, batch.answer_of, options.gamma, options.lambda);
  require(made.advantages.isfinite().all().item<bool>(), Fault::numeric, [] {
    return std::string(
        "an advantage is not a finite number, because a reward, a value or a log-probability of the model or its "
        "reference is not");
  });
  return {{"old_logp", batch.logp},
          {"old_values", batch.values},
          {"returns", made.returns},
          {"advantage", options.whiten_advantages ? whitened(made.advantages) : made.advantages}};
}

/// A token's clipped policy loss plus vf_coef times 1/2 max((V - R)^2, (clip(V, V_old -+ cliprange_value) - R)^2), mean
/// over tokens. Sources: "Proximal Policy Optimization Algorithms", arXiv 1707.06347, equations 7 and 9; the value's
/// clipping, the penalty and the defaults as in TRL's PPOTrainer.
LossSum ppo_loss(const AnswerBatch& batch, const PpoOptions& options) {
  const auto log_ratio = log_ratio_to_old(batch);
  const auto ratio = log_ratio.exp();
  const auto advantage = note_of(batch, "advantage");
  const auto policy = clipped_loss(ratio, advantage, options.clip, options.clip);
  const auto returns = note_of(batch, "returns");
  const auto before = note_of(batch, "old_values");
  const auto near = before + (batch.values - before).clamp(-options.clip_value, options.clip_value);
  const auto value = 0.5 * at::maximum((batch.values - returns).square(), (near - returns).square());
  LossSum loss;
  const auto weights = token_weights(batch);
  loss.sum = weights.dot(policy + options.value_weight * value);
  loss.count = logged_sum(weights);
  const auto clipped = (ratio.detach() - 1.0).abs().gt(options.clip).to(ratio.scalar_type());
  loss.logged = {{"policy_loss", logged_mean(batch, policy.detach())},
                 {"value_loss", logged_mean(batch, value.detach())},
                 {"clipped", logged_mean(batch, clipped)},
                 {"approx_kl", logged_mean(batch, 0.5 * log_ratio.detach().square())}};
  return loss;
}

Objective make_ppo(Options& options, const TrainerBook&) {
  PpoOptions chosen;
  chosen.kl_coef = options.number("kl_coef", "weight of a token's divergence from the reference in its reward",
                                  {.fallback = 0.05, .min = 0.0, .max = 1e3});
  chosen.kl_estimator =
      options.text("kl_estimator", "k1: signed; k3: never negative", {.fallback = "k1", .choices = {"k1", "k3"}});
  chosen.gamma = options.number("gamma", "discount of rewards per token", {.fallback = 1.0, .min = 0.0, .max = 1.0});
  chosen.lambda = options.number("lam", "lambda of generalised advantages; 0: one step, 1: to the answer's end",
                                 {.fallback = 0.95, .min = 0.0, .max = 1.0});
  chosen.clip =
      options.number("cliprange", "ratios are clipped to 1 -+ this", {.fallback = 0.2, .min = 1e-6, .max = 1.0});
  chosen.clip_value = options.number("cliprange_value", "values are clipped to their old value -+ this",
                                     {.fallback = 0.2, .min = 1e-6, .max = 1e6});
  chosen.value_weight =
      options.number("vf_coef", "weight of the values' loss", {.fallback = 0.1, .min = 0.0, .max = 1e3});
  chosen.whiten_rewards = options.flag("whiten_rewards", "token rewards scaled to variance 1, their mean kept", false);
  chosen.whiten_advantages =
      options.flag("whiten_advantages", "advantages moved to mean 0 and scaled to variance 1, over a rollout", true);
  RolloutLoss objective;
  objective.ref_logp = true;
  objective.values = true;
  objective.least_group = 1;
  objective.credit = [chosen](const AnswerBatch& batch) { return ppo_credit(batch, chosen); };
  objective.loss = [chosen](const AnswerBatch& batch) { return ppo_loss(batch, chosen); };
  return objective;
}

}  // namespace

namespace plugins {
void ppo(TrainerBook& book) {
  book.objectives.add(
      "ppo", {.summary = "clipped ratios with the advantages of a critic (arXiv 1707.06347)", .make = make_ppo});
}
}  // namespace plugins
}  // namespace touchstone
