#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/losses/preference.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

/// log(1 - exp(a)) of a < 0. The pole at a = 0, which only an answer of probability one has, is avoided.
Tensor log_complement(const Tensor& a) { return (-at::expm1(a.clamp_max(-1e-6))).log(); }

/// -a_c - beta log sigma(log odds(c) - log odds(r)), a the mean log-probability of an answer's tokens and
/// odds = p / (1 - p) of p = exp(a). No reference. Source: "ORPO: Monolithic Preference Optimization without Reference
/// Model", arXiv 2403.07691, equations 4 to 7.
LossSum odds_ratio(const AnswerBatch& batch, double beta) {
  const auto pairs = answer_pairs(batch);
  const auto mean = mean_logp(batch);
  const auto odds = mean - log_complement(mean);
  const auto better = mean.index_select(0, pairs.better);
  const auto ratio = odds.index_select(0, pairs.better) - odds.index_select(0, pairs.worse);
  return sum_over_records(batch, pairs, beta * at::softplus(-ratio) - better, beta * mean);
}

}  // namespace

namespace plugins {
void orpo(TrainerBook& book) {
  book.objectives.add("orpo",
                      {.summary = "likelihood and the odds ratio of a pair, without reference (arXiv 2403.07691)",
                       .make = [](Options& options, const TrainerBook&) {
                         const auto beta = options.number("beta", "lambda: weight of the odds ratio",
                                                          {.fallback = 0.1, .min = 0.0, .max = 1e3});
                         AnswerLoss objective;
                         objective.answers = {.all = true, .least = 2};
                         objective.loss = [beta](const AnswerBatch& batch) { return odds_ratio(batch, beta); };
                         return objective;
                       }});
}
}  // namespace plugins
}  // namespace touchstone
