#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

/// Supervised fine-tuning: l_t = -log p_t, the negative log-likelihood of the label.
LossSum negative_log_likelihood(const TokenBatch& batch) {
  const auto nll = -label_logp(batch.logits, batch.labels);
  LossSum loss;
  loss.sum = weighted_sum(nll, batch.weights);
  loss.count = static_cast<double>(nll.size(0));
  loss.logged = {{"nll", logged_sum(nll)}};
  return loss;
}

}  // namespace

namespace plugins {
void sft(TrainerBook& book) {
  book.objectives.add(
      "sft", {.summary = "negative log-likelihood of the answer's tokens", .make = [](Options&, const TrainerBook&) {
                TokenLoss objective;
                objective.loss = negative_log_likelihood;
                return objective;
              }});
}
}  // namespace plugins
}  // namespace touchstone
