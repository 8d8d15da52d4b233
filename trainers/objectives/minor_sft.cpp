#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

/// Likelihood with a brake: with D = sum_t (log p_t - log ref_t) over the m tokens of an answer,
/// grad l = -(1 / m) f grad log p(answer), where f = 2 sigma(-beta D) is one while the model equals the reference. As
/// `softplus` l = 2 / (beta m) softplus(-beta D), which has that gradient; as `surrogate` f is held constant and l is
/// a weighted likelihood. Mean over answers. Source: "Minor SFT loss for LLM fine-tune to increase performance and
/// reduce model deviation", arXiv 2408.10642, as two digests of it agree; beta's value is inferred.
LossSum minor_likelihood(const AnswerBatch& batch, double beta, bool surrogate) {
  const auto length = answer_weights(batch);
  const auto logp = weighted_answer_sums(batch, batch.logp);
  const auto deviation = logp - weighted_answer_sums(batch, reference_logp(batch));
  // An answer whose tokens all weigh nothing has neither loss nor length.
  const auto scale = 2.0 / length.clamp_min(1e-6);
  Tensor loss_of;
  if (surrogate) {
    loss_of = -scale * at::sigmoid(-beta * deviation.detach()) * logp;
  } else {
    loss_of = scale / beta * at::softplus(-beta * deviation);
  }
  const auto there = length.gt(0.0);
  LossSum loss;
  loss.sum = at::where(there, loss_of, 0.0).sum();
  loss.count = logged_sum(there);
  const auto mean = [&](const Tensor& x) { return logged_sum(x.detach() / length.clamp_min(1e-6)); };
  loss.logged = {{"nll", -mean(logp)}, {"deviation", mean(deviation)}};
  return loss;
}

Objective make_minor(Options& options, const TrainerBook&) {
  const auto beta =
      options.number("beta", "of the brake: it halves the gradient of an answer that gained ln 3 / beta nats",
                     {.fallback = 0.04, .min = 1e-6, .max = 1e3});
  const bool surrogate = options.text("form", "both have one gradient; they report different losses",
                                      {.fallback = "surrogate", .choices = {"surrogate", "softplus"}}) == "surrogate";
  AnswerLoss objective;
  objective.ref_logp = true;
  objective.loss = [beta, surrogate](const AnswerBatch& batch) { return minor_likelihood(batch, beta, surrogate); };
  return objective;
}

}  // namespace

namespace plugins {
void minor_sft(TrainerBook& book) {
  book.objectives.add(
      "minor_sft",
      {.summary = "likelihood that brakes as an answer outgrows its reference likelihood (arXiv 2408.10642)",
       .make = make_minor});
}
}  // namespace plugins
}  // namespace touchstone
