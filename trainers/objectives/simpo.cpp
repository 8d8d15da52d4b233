#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/losses/preference.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

struct SimpoOptions {
  double beta = 2.0;
  double margin = 1.0;
  double nll_weight = 0.0;
};

/// -log sigma(beta (a_c - a_r) - margin), a the mean log-probability of an answer's tokens, plus nll_weight times -a_c.
/// No reference. Source: "SimPO: Simple Preference Optimization with a Reference-Free Reward", arXiv 2405.14734,
/// equation 6; the likelihood term is that of CPO-SimPO.
LossSum simple_preference(const AnswerBatch& batch, const SimpoOptions& options) {
  const auto pairs = answer_pairs(batch);
  const auto mean = mean_logp(batch);
  const auto better = mean.index_select(0, pairs.better);
  const auto h = better - mean.index_select(0, pairs.worse);
  const auto loss = at::softplus(options.margin - options.beta * h) - options.nll_weight * better;
  return sum_over_records(batch, pairs, loss, options.beta * mean);
}

Objective make_simpo(Options& options, const TrainerBook&) {
  SimpoOptions chosen;
  chosen.beta = options.number("beta", "scales the difference of mean log-probabilities",
                               {.fallback = 2.0, .min = 1e-6, .max = 1e3});
  chosen.margin = options.number("simpo_gamma", "margin by which the better answer must lead",
                                 {.fallback = 1.0, .min = 0.0, .max = 1e3});
  chosen.nll_weight = options.number("cpo_alpha", "weight of the better answer's likelihood; 0: SimPO alone",
                                     {.fallback = 0.0, .min = 0.0, .max = 1e3});
  AnswerLoss objective;
  objective.answers = {.all = true, .least = 2};
  objective.loss = [chosen](const AnswerBatch& batch) { return simple_preference(batch, chosen); };
  return objective;
}

}  // namespace

namespace plugins {
void simpo(TrainerBook& book) {
  book.objectives.add("simpo", {.summary = "preference by mean log-probability, without reference (arXiv 2405.14734)",
                                .make = make_simpo});
}
}  // namespace plugins
}  // namespace touchstone
