#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/losses/layer_list.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

/// (1 / |B|) sum_{n in B} L_n, where L_n is the likelihood loss of the model's first n layers behind its own final norm
/// and head; B has the last layer and others. Source: "Sorted LLaMA: Unlocking the Potential of Intermediate Layers of
/// LLMs for Dynamic Inference", arXiv 2309.08968, section 3.2 (sorted fine-tuning).
LossSum sorted_likelihood(const ModelBatch& batch, const std::vector<int>& exits) {
  LossSum loss;
  const auto& all = batch.model.exit_logp;
  for (std::size_t at = 0; at < all.size(); ++at) {
    const auto nll = -all[at];
    const auto own = weighted_sum(nll, batch.weights);
    loss.sum = loss.sum.defined() ? loss.sum + own : own;
    loss.logged[exits[at] == -1 ? "nll" : "nll_" + std::to_string(exits[at])] = logged_sum(nll);
  }
  if (all.size() > 1) loss.sum = loss.sum / static_cast<double>(all.size());
  loss.count = static_cast<double>(batch.labels.size(0));
  return loss;
}

Objective make_sorted(Options& options, const TrainerBook&) {
  ModelLoss objective;
  objective.layers.exits = read_layers(
      options, "exits",
      "layers beside the last whose states the head learns to read, as [2, 4]: so many layers are run; none: "
      "plain likelihood",
      {});
  objective.layers.exits.push_back(-1);
  objective.loss = [exits = objective.layers.exits](const ModelBatch& batch) {
    return sorted_likelihood(batch, exits);
  };
  return objective;
}

}  // namespace

namespace plugins {
void sorted(TrainerBook& book) {
  book.objectives.add(
      "sorted",
      {.summary = "likelihood behind several layers at once, so that answers may leave early (arXiv 2309.08968)",
       .make = make_sorted});
}
}  // namespace plugins
}  // namespace touchstone
