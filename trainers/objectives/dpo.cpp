#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/losses/preference.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

struct DpoOptions {
  std::string type;
  double beta = 0.1;
  double smoothing = 0.0;
  bool mean = true;
};

/// Loss of each pair, [P], of the log-ratios [A] of its answers. With h the better one's minus the worse one's,
/// A = -log sigma(beta h) and B = -log sigma(-beta h):
/// sigmoid A (arXiv 2305.18290, equation 7); hinge max(0, 1 - beta h) (SLiC-HF, arXiv 2305.10425);
/// ipo (h - 1 / (2 beta))^2 (arXiv 2310.12036, equation 17), by default with each log-ratio over its own length;
/// minor -log sigma(beta (d_c - max(0, d_r))) of the log-ratios d: the worse answer is pushed down only while the model
/// rates it above the reference ("Minor DPO reject penalty to increase training robustness", arXiv 2408.09834);
/// conservative (1 - e) A + e B; robust ((1 - e) A - e B) / (1 - 2 e) (arXiv 2403.00409, equation 7).
Tensor pair_losses(const AnswerBatch& batch, const AnswerPairs& pairs, const Tensor& ratios,
                   const DpoOptions& options) {
  const auto difference = [&](const Tensor& x) {
    return x.index_select(0, pairs.better) - x.index_select(0, pairs.worse);
  };
  if (options.type == "ipo") {
    const auto h = difference(options.mean ? ratios / answer_weights(batch).clamp_min(1e-6) : ratios);
    return (h - 0.5 / options.beta).square();
  }
  if (options.type == "minor") {
    const auto worse = at::relu(ratios.index_select(0, pairs.worse));
    return dpo_sigmoid(ratios.index_select(0, pairs.better) - worse, options.beta);
  }
  const auto h = difference(ratios);
  if (options.type == "hinge") return at::relu(1.0 - options.beta * h);
  const auto right = dpo_sigmoid(h, options.beta);
  if (options.type == "sigmoid") return right;
  const auto flipped = dpo_sigmoid(-h, options.beta);
  const auto e = options.smoothing;
  if (options.type == "conservative") return (1.0 - e) * right + e * flipped;
  return ((1.0 - e) * right - e * flipped) / (1.0 - 2.0 * e);
}

LossSum preference_loss(const AnswerBatch& batch, const DpoOptions& options) {
  const auto pairs = answer_pairs(batch);
  const auto ratios = log_ratios(batch);
  return sum_over_records(batch, pairs, pair_losses(batch, pairs, ratios, options), options.beta * ratios);
}

Objective make_dpo(Options& options, const TrainerBook&) {
  DpoOptions chosen;
  chosen.type =
      options.text("loss_type", "the function of beta times the difference of log-ratios",
                   {.fallback = "sigmoid", .choices = {"sigmoid", "hinge", "ipo", "minor", "conservative", "robust"}});
  chosen.beta = options.number("beta", "how far the model may move from the reference; smaller is farther",
                               {.fallback = 0.1, .min = 1e-6, .max = 1e3});
  chosen.smoothing =
      options.number("label_smoothing", "e of conservative and robust: share of pairs the wrong way round",
                     {.fallback = 0.0, .min = 0.0, .max = 0.499});
  chosen.mean = options.flag("length_normalised", "of ipo: each log-ratio over the tokens of its own answer", true);
  AnswerLoss objective;
  objective.ref_logp = true;
  objective.answers = {.all = true, .least = 2};
  objective.loss = [chosen](const AnswerBatch& batch) { return preference_loss(batch, chosen); };
  return objective;
}

}  // namespace

namespace plugins {
void dpo(TrainerBook& book) {
  book.objectives.add("dpo", {.summary = "prefers a record's first answer to its others (arXiv 2305.18290, variants)",
                              .make = make_dpo});
}
}  // namespace plugins
}  // namespace touchstone
