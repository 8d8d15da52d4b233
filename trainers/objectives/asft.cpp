#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

struct AsftOptions {
  double kl_weight = 0.05;
  bool forward = true;
  bool likelihood = false;
};

/// l_t = -sg(p_t) log p_t + kl_weight KL(ref || policy) at every trained position, the KL over the whole vocabulary.
/// Source: "Anchored Supervised Fine-Tuning", arXiv 2509.23753, equation 6. kl_weight = 0 is dynamic fine-tuning.
LossSum anchored(const TokenBatch& batch, const AsftOptions& options) {
  const auto policy = batch.logits.log_softmax(-1);
  const auto logp = policy.gather(-1, batch.labels.unsqueeze(-1)).squeeze(-1);
  auto per_token = options.likelihood ? -logp : -logp.detach().exp() * logp;
  LossSum loss;
  loss.count = static_cast<double>(logp.size(0));
  loss.logged = {{"nll", -logged_sum(logp)}};
  if (options.kl_weight > 0.0) {
    const auto reference = batch.ref_logits.log_softmax(-1);
    const auto kl = options.forward ? kl_divergence(reference, policy) : kl_divergence(policy, reference);
    per_token = per_token + options.kl_weight * kl;
    loss.logged["kl"] = logged_sum(kl);
  }
  loss.sum = weighted_sum(per_token, batch.weights);
  return loss;
}

Objective make_asft(Options& options, const TrainerBook&) {
  AsftOptions chosen;
  chosen.kl_weight = options.number("kl_weight", "lambda: weight of the KL term; 0 is dynamic fine-tuning",
                                    {.fallback = 0.05, .min = 0.0, .max = 1e6});
  chosen.forward = options.text("kl_direction", "forward: KL(reference || model), the paper's; reverse: the other way",
                                {.fallback = "forward", .choices = {"forward", "reverse"}}) == "forward";
  chosen.likelihood =
      options.text("token_loss", "dft: probability-weighted, the paper's; nll: plain likelihood (SFT + KL)",
                   {.fallback = "dft", .choices = {"dft", "nll"}}) == "nll";
  TokenLoss objective;
  const auto reference = options.text("reference", "name of the frozen model that anchors", {.fallback = "reference"});
  if (chosen.kl_weight > 0.0) objective.frozen = reference;
  objective.loss = [chosen](const TokenBatch& batch) { return anchored(batch, chosen); };
  return objective;
}

}  // namespace

namespace plugins {
void asft(TrainerBook& book) {
  book.objectives.add(
      "asft", {.summary = "dynamic fine-tuning anchored to a frozen model by a full-vocabulary KL (arXiv 2509.23753)",
               .make = make_asft});
}
}  // namespace plugins
}  // namespace touchstone
