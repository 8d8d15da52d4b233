#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

constexpr std::uint8_t key_mark = 1;
constexpr std::uint8_t value_mark = 2;

/// Per call sum_t w_t nll_t / sum_t w_t, mean over calls. Key tokens (those that tell a tool's name from the others')
/// weigh w = min(N_other / N_key, max_weight) when they are fewer than the other tokens, else one. N_other does not
/// count the tokens of arguments' values; these weigh one, like the others.
/// Source: "TL-Training: A Task-Feature-Based Framework for Training Large Language Models in Tool Use", arXiv
/// 2412.15495, section 4.2, from the authors' code (pkt/utils.py).
LossSum key_token_likelihood(const AnswerBatch& batch, double max_weight) {
  const auto one = at::ones_like(batch.logp.detach());
  const auto key = has_mark(batch.marks, key_mark);
  const auto value = has_mark(batch.marks, value_mark).logical_and(key.logical_not());
  const auto keys = weighted_answer_sums(batch, key.to(one.scalar_type()));
  const auto others = answer_weights(batch) - keys - weighted_answer_sums(batch, value.to(one.scalar_type()));
  const auto raised = (others / keys.clamp_min(1.0)).clamp_max(max_weight);
  const auto key_weight = at::where(keys.lt(others), raised, at::ones_like(raised));
  const auto weights = at::where(key, key_weight.index_select(0, batch.answer_of), one);
  const auto total = weighted_answer_sums(batch, weights);
  const auto there = total.gt(0.0);
  const auto nll = -weighted_answer_sums(batch, weights * batch.logp) / total.clamp_min(1e-6);
  LossSum loss;
  loss.sum = at::where(there, nll, 0.0).sum();
  loss.count = logged_sum(there);
  loss.logged = {
      {"nll", -logged_sum(weighted_answer_sums(batch, batch.logp.detach()) / answer_weights(batch).clamp_min(1e-6))},
      {"key_tokens", logged_sum(keys)},
      {"key_weight", logged_sum(key_weight)}};
  return loss;
}

}  // namespace

namespace plugins {
void tl_training(TrainerBook& book) {
  book.objectives.add(
      "tl_training",
      {.summary = "likelihood of calls with the tokens that choose the tool weighted up (arXiv 2412.15495)",
       .make = [](Options& options, const TrainerBook&) {
         const auto max_weight = options.number("max_weight", "a key token weighs so much at most; 1: plain likelihood",
                                                {.fallback = 9.0, .min = 1.0, .max = 1e6});
         AnswerLoss objective;
         objective.roles = {"key", "value"};
         objective.loss = [max_weight](const AnswerBatch& batch) { return key_token_likelihood(batch, max_weight); };
         return objective;
       }});
}
}  // namespace plugins
}  // namespace touchstone
