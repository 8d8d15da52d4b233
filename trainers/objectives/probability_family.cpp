#include <algorithm>
#include <cmath>

#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

struct FamilyOptions {
  std::string form;
  double alpha = 1.0;
  double threshold = 0.0;
  bool count_kept = true;
  bool quantile = false;  ///< the threshold is a share of the tokens until prepare() has made it a probability
};

/// The probability below which a given share of the tokens lies, from their log-probabilities: interpolated linearly
/// between neighbours, as in numpy.quantile.
double quantile_of(std::vector<float> logp, double share) {
  require(!logp.empty(), Fault::data,
          "threshold_is_quantile: found no token to take a quantile of, expected at least one");
  std::sort(logp.begin(), logp.end());
  const auto place = share * static_cast<double>(logp.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const auto above = std::min(below + 1, logp.size() - 1);
  const auto p = [&](std::size_t at) { return std::exp(static_cast<double>(logp[at])); };
  return p(below) + (place - static_cast<double>(below)) * (p(above) - p(below));
}

/// f(p) of the labels' log-probabilities [M] to [M]. Computed from log p throughout: expm1 keeps the digits of 1 - p^a
/// where p is near one or a near zero.
Tensor family_of(const Tensor& logp, const FamilyOptions& options) {
  if (options.form == "power") return -at::expm1(options.alpha * logp) / options.alpha;
  const bool likelihood = options.form == "nll" || options.form.ends_with("_nll");
  return likelihood ? -logp : -at::expm1(logp);
}

/// Which labels a thresholded form trains, by the model's present probability, [M] bool; undefined for other forms.
Tensor kept_by(const Tensor& logp, const FamilyOptions& options) {
  const auto p = logp.detach().exp();
  if (options.form.starts_with("top_")) return p.ge(options.threshold);
  if (options.form.starts_with("bottom_")) return p.le(options.threshold);
  return {};
}

/// l_t = f(p_t) with the gradient through p_t: 1 - p; (1 - p^a) / a, which is -log p as a goes to 0 and 1 - p at a = 1;
/// -log p; or 1 - p or -log p only for the tokens on one side of a threshold.
/// Source: "Beyond Log Likelihood: Probability-Based Objectives for Supervised Fine-Tuning across the Model Capability
/// Continuum", arXiv 2510.00526, section 3; the thresholded forms and their normaliser from the authors' code.
LossSum family_loss(const TokenBatch& batch, const FamilyOptions& options) {
  require(
      !options.quantile, Fault::data,
      "threshold_is_quantile needs reference log-probabilities of all tokens: let the stage 'reference' come before");
  const auto logp = label_logp(batch.logits, batch.labels);
  auto per_token = family_of(logp, options);
  LossSum loss;
  loss.count = static_cast<double>(logp.size(0));
  loss.logged = {{"nll", -logged_sum(logp)}, {"p", logged_sum(logp.exp())}};
  if (const auto kept = kept_by(logp, options); kept.defined()) {
    per_token = at::where(kept, per_token, 0.0);
    const auto count = logged_sum(kept);
    if (options.count_kept) loss.count = count;
    loss.logged["kept"] = count;
  }
  loss.sum = weighted_sum(per_token, batch.weights);
  return loss;
}

Objective make_family(Options& options, const TrainerBook&) {
  FamilyOptions chosen;
  chosen.form = options.text(
      "form", "f: nll is -log p; p is 1 - p; power is (1 - p^alpha) / alpha; top_, bottom_ train one side of threshold",
      {.fallback = "p", .choices = {"nll", "p", "power", "top_p", "bottom_p", "top_nll", "bottom_nll"}});
  chosen.alpha =
      options.number("alpha", "of power; towards 0: -log p; 1: 1 - p", {.fallback = 1.0, .min = 1e-6, .max = 1e3});
  chosen.threshold = options.number("threshold", "top_ trains tokens at least this probable, bottom_ at most so",
                                    {.fallback = 0.2, .min = 0.0, .max = 1.0});
  chosen.count_kept = options.text("count", "positions that the loss is divided by: the trained ones, or all",
                                   {.fallback = "kept", .choices = {"kept", "all"}}) == "kept";
  chosen.quantile =
      options.flag("threshold_is_quantile",
                   "threshold is a quantile of the tokens' probabilities under the model of stage reference: top_ "
                   "with 0.9 trains the likeliest tenth, with 0.1 all but the least likely tenth",
                   false);
  const bool one_sided = chosen.form.starts_with("top_") || chosen.form.starts_with("bottom_");
  require(!chosen.quantile || one_sided, Fault::config, [&] {
    return options.where() + ": key 'threshold_is_quantile': found true with the form " + chosen.form +
           ", expected a form that begins with top_ or bottom_";
  });
  TokenLoss objective;
  const auto kept = std::make_shared<FamilyOptions>(chosen);
  if (chosen.quantile) {
    objective.prepare = [kept, share = chosen.threshold](const std::vector<float>& ref_logp) {
      kept->threshold = quantile_of(ref_logp, share);
      kept->quantile = false;
    };
  }
  objective.loss = [kept](const TokenBatch& batch) { return family_loss(batch, *kept); };
  return objective;
}

}  // namespace

namespace plugins {
void probability_family(TrainerBook& book) {
  book.objectives.add("probability_family",
                      {.summary = "a function of each token's probability in place of its logarithm (arXiv 2510.00526)",
                       .make = make_family});
}
}  // namespace plugins
}  // namespace touchstone
