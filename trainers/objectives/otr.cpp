#include <algorithm>

#include "harness/base/draws.hpp"
#include "harness/base/seed.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

struct RolloutOptions {
  std::int64_t samples = 256;
  double temperature = 1.3;
  double penalty = -0.1;
  double floor = -18.4;
  bool exact = false;
};

/// `samples` words for each row of q [M, V] float32, drawn with replacement, as [M, samples] int64 on the CPU. Each
/// row's draws come from its own key, so they do not depend on what else is in the batch.
Tensor draw_words(const Tensor& q, const TokenBatch& batch, std::int64_t samples) {
  const auto rows = q.to(at::kCPU).contiguous();
  const auto keys = batch.keys.to(at::kCPU).contiguous();
  auto words = at::empty({rows.size(0), samples}, at::kLong);
  const auto size = static_cast<std::size_t>(rows.size(1));
  at::parallel_for(0, rows.size(0), 16, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> below(size);  // cumulated in double: float sums over a large vocabulary lose its tail
    for (auto row = begin; row < end; ++row) {
      const auto* const p = rows.const_data_ptr<float>() + row * rows.size(1);
      double sum = 0.0;
      for (std::size_t word = 0; word < size; ++word) below[word] = sum += static_cast<double>(p[word]);
      const auto key = static_cast<std::uint64_t>(keys.const_data_ptr<std::int64_t>()[row]);
      Draws draws(batch.draw_seed ^ (key * splitmix64_step), "otr");
      for (std::int64_t sample = 0; sample < samples; ++sample) {
        const double at = static_cast<double>(draws.next() >> 11) * 0x1.0p-53 * sum;
        const auto found = std::upper_bound(below.begin(), below.end(), at) - below.begin();
        words.mutable_data_ptr<std::int64_t>()[row * samples + sample] =
            std::min<std::int64_t>(found, static_cast<std::int64_t>(size) - 1);
      }
    }
  });
  return words.to(q.device());
}

/// l_t = -(1/K) sum_j R_j log pi(a_j) over K tokens a_j drawn from q = softmax(logits / temperature), which carries no
/// gradient; R_j is one where a_j is the label and `penalty` elsewhere. `exact` takes the expectation over q instead.
/// Where log pi is pushed down it is kept above a floor, since -penalty log pi has no bound.
/// Source: "One-Token Rollout: Guiding Supervised Fine-Tuning of LLMs with Policy Gradient", arXiv 2509.26313, section
/// 3, as digests of it tell; the penalty's value, the missing importance ratio and the floor are inferred.
LossSum one_token_rollout(const TokenBatch& batch, const RolloutOptions& options) {
  const auto policy = batch.logits.log_softmax(-1);
  const auto label = batch.labels.unsqueeze(-1);
  const auto q = (batch.logits.detach() / options.temperature).softmax(-1);
  const auto logp = policy.gather(-1, label);
  Tensor per_token;
  Tensor hits;
  if (options.exact) {
    const auto at_label = q.gather(-1, label);
    const auto others = (q * policy.clamp_min(options.floor)).sum(-1, true) - at_label * logp.clamp_min(options.floor);
    per_token = -(at_label * logp + options.penalty * others).squeeze(-1);
    hits = at_label;
  } else {
    require(batch.keys.defined(), Fault::shape, "the batch has no keys to draw by");
    const auto words = draw_words(q.to(at::kFloat), batch, options.samples);
    const auto hit = words.eq(label);
    const auto drawn = policy.gather(-1, words);
    const auto reward = at::where(hit, drawn, options.penalty * drawn.clamp_min(options.floor));
    per_token = -reward.mean(-1);
    hits = hit.to(logp.scalar_type()).mean(-1);
  }
  LossSum loss;
  loss.sum = weighted_sum(per_token, batch.weights);
  loss.count = static_cast<double>(per_token.size(0));
  loss.logged = {{"nll", -logged_sum(logp)}, {"hits", logged_sum(hits)}};
  return loss;
}

Objective make_otr(Options& options, const TrainerBook&) {
  RolloutOptions chosen;
  chosen.exact = options.text("mode", "sample: draws tokens, as in the paper; exact: the expectation, uses more memory",
                              {.fallback = "sample", .choices = {"sample", "exact"}}) == "exact";
  chosen.samples = options.integer("samples", "K: tokens drawn at each position",
                                   {.fallback = 256, .min = 1, .max = std::int64_t{1} << 20});
  chosen.temperature = options.number("temperature", "kappa: sampling temperature; above 1 explores",
                                      {.fallback = 1.3, .min = 1e-3, .max = 1e3});
  chosen.penalty = options.number("penalty", "beta: reward of a token that is not the label",
                                  {.fallback = -0.1, .min = -1e3, .max = 1.0});
  chosen.floor = options.number("min_logp", "log-probabilities below it are not pushed down further",
                                {.fallback = -18.4, .min = -1e4, .max = 0.0});
  TokenLoss objective;
  objective.loss = [chosen](const TokenBatch& batch) { return one_token_rollout(batch, chosen); };
  return objective;
}

}  // namespace

namespace plugins {
void otr(TrainerBook& book) {
  book.objectives.add(
      "otr", {.summary = "policy gradient over tokens drawn at each position, rewarded by the label (arXiv 2509.26313)",
              .make = make_otr});
}
}  // namespace plugins
}  // namespace touchstone
