#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/losses/preference.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

struct KtoOptions {
  double beta = 0.1;
  double desirable = 1.0;
  double undesirable = 1.0;
};

/// With d an answer's log-ratio to the reference: w (1 - sigma(beta (d - z0))) where its reward is above zero,
/// w (1 - sigma(beta (z0 - d))) where it is below; mean over these. z0 = max(0, mean d) over the answers whose reward
/// is zero: these are answers to other prompts. Without any, z0 = 0. z0 has no gradient. Each micro-batch has its own
/// z0, as in TRL, so it changes with how a step is split. Source: "KTO: Model Alignment as Prospect Theoretic
/// Optimization", arXiv 2402.01306, equation 8 and section 4.2.
LossSum prospect_loss(const AnswerBatch& batch, const KtoOptions& options) {
  require(batch.rewards.size() == static_cast<std::size_t>(batch.starts.back()), Fault::data,
          "found answers without rewards, expected one for each");
  const auto rewards = at::tensor(batch.rewards).to(batch.logp.options());
  const auto judged = rewards.ne(0.0);
  require(judged.any().item<bool>(), Fault::data,
          "found no answer with a reward other than 0, expected some: above 0 is good, below is bad");
  const auto ratios = log_ratios(batch);
  const auto elsewhere = ratios.detach().masked_select(judged.logical_not());
  const auto z0 = elsewhere.size(0) > 0 ? elsewhere.mean().clamp_min(0.0) : at::zeros({}, ratios.options());
  const auto good = rewards.gt(0.0);
  const auto sign = at::where(good, 1.0, -1.0).to(ratios.scalar_type());
  const auto weight = at::where(good, options.desirable, options.undesirable).to(ratios.scalar_type());
  const auto loss_of = weight * at::sigmoid(-options.beta * sign * (ratios - z0));
  LossSum loss;
  loss.sum = at::where(judged, loss_of, 0.0).sum();
  loss.count = logged_sum(judged);
  // Per record, as the trainer divides: of its good answers, so many as there are.
  const auto nll = at::where(good, -mean_logp(batch).detach(), 0.0);
  loss.logged = {{"nll", logged_sum(nll)}, {"z0", z0.item<double>() * static_cast<double>(batch.numbers.size())}};
  return loss;
}

Objective make_kto(Options& options, const TrainerBook&) {
  KtoOptions chosen;
  chosen.beta = options.number("beta", "how far the model may move from the reference; smaller is farther",
                               {.fallback = 0.1, .min = 1e-6, .max = 1e3});
  chosen.desirable = options.number("desirable_weight", "for answers with a reward above zero",
                                    {.fallback = 1.0, .min = 0.0, .max = 1e3});
  chosen.undesirable = options.number("undesirable_weight", "for answers with a reward below zero",
                                      {.fallback = 1.0, .min = 0.0, .max = 1e3});
  AnswerLoss objective;
  objective.ref_logp = true;
  objective.answers = {.all = true};
  objective.loss = [chosen](const AnswerBatch& batch) { return prospect_loss(batch, chosen); };
  return objective;
}

}  // namespace

namespace plugins {
void kto(TrainerBook& book) {
  book.objectives.add("kto",
                      {.summary = "answers judged good or bad, each on its own (arXiv 2402.01306)", .make = make_kto});
}
}  // namespace plugins
}  // namespace touchstone
