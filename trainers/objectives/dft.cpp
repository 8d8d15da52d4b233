#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

/// l_t = -sg(p_t) log p_t, where p_t is the label's probability and sg stops the gradient; its gradient is that of
/// -p_t. Source: "On the Generalization of SFT: A Reinforcement Learning Perspective with Reward Rectification", arXiv
/// 2508.05629, equation 9.
LossSum dynamic_fine_tuning(const TokenBatch& batch) {
  const auto logp = label_logp(batch.logits, batch.labels);
  LossSum loss;
  loss.sum = weighted_sum(-logp.detach().exp() * logp, batch.weights);
  loss.count = static_cast<double>(logp.size(0));
  loss.logged = {{"nll", -logged_sum(logp)}};
  return loss;
}

}  // namespace

namespace plugins {
void dft(TrainerBook& book) {
  book.objectives.add("dft",
                      {.summary = "each token's likelihood loss weighted by its own probability (arXiv 2508.05629)",
                       .make = [](Options&, const TrainerBook&) {
                         TokenLoss objective;
                         objective.loss = dynamic_fine_tuning;
                         return objective;
                       }});
}
}  // namespace plugins
}  // namespace touchstone
