#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/losses/preference.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

constexpr std::uint8_t target_mark = 1;

struct CrossLingualOptions {
  double lambda = 0.5;
  double beta = 0.1;
  std::string nll_side;
};

/// lambda L_SFT + (1 - lambda) L_CL. A record asks in one language and holds the answer in that one, then in the other.
/// An item is a record in the target language and the same one in the source language. L_CL is the mean over records of
/// -log sigma(beta h) (direct preference optimization). L_SFT is the mean over target records of the mean -log p per
/// token of the answer in the target language. The sum runs over items. Throws Fault::data unless all or half of the
/// batch's records are in the target language: otherwise items were parted.
/// Source: "Cross-Lingual Optimization for Language Transfer in Large Language Models", arXiv 2505.14297, section 3;
/// lambda, beta and the normaliser of the likelihood are inferred.
LossSum cross_lingual_loss(const AnswerBatch& batch, const CrossLingualOptions& options) {
  const auto pairs = answer_pairs(batch, 1);
  const auto ratios = log_ratios(batch);
  const auto mean = mean_logp(batch).index_select(0, pairs.better);
  const auto marked = answer_sums(batch, has_mark(batch.marks, target_mark).to(at::kDouble));
  const auto target = marked.index_select(0, pairs.better).gt(0.0).to(mean.scalar_type());
  const auto items = logged_sum(target);
  const auto records = static_cast<double>(target.size(0));
  require(items > 0.0 && (records == items || records == 2.0 * items), Fault::data, [&] {
    return "found a batch of " + std::to_string(target.size(0)) + " records with " +
           std::to_string(static_cast<std::int64_t>(items)) +
           " in the target language, expected all or half: let the stage 'cross_pair' make the pairs, with the "
           "max_length of the stage 'train'";
  });
  const auto share = items / records;
  const auto h = ratios.index_select(0, pairs.better) - ratios.index_select(0, pairs.worse);
  const auto preference = dpo_sigmoid(h, options.beta);
  auto loss = sum_over_records(batch, pairs, preference, options.beta * ratios);
  loss.sum = (1.0 - options.lambda) * share * preference.sum();
  if (options.nll_side == "target") loss.sum = loss.sum - options.lambda * mean.dot(target);
  if (options.nll_side == "both") loss.sum = loss.sum - options.lambda * share * mean.sum();
  loss.count = items;
  const auto lengths = answer_sums(batch, at::ones_like(batch.logp.detach()));
  const auto of_target = [&](const Tensor& x) { return logged_sum(x * target) / share; };
  loss.logged["preference"] = logged_sum(preference);
  loss.logged["target_nll"] = -of_target(mean);
  loss.logged["target_tokens"] = of_target(lengths.index_select(0, pairs.better));
  loss.logged["source_tokens"] = of_target(lengths.index_select(0, pairs.worse));
  return loss;
}

Objective make_cross_lingual(Options& options, const TrainerBook&) {
  CrossLingualOptions chosen;
  chosen.lambda = options.number("lambda", "share of the likelihood loss; 1: that alone, 0: preferences alone",
                                 {.fallback = 0.5, .min = 0.0, .max = 1.0});
  chosen.beta = options.number("beta", "how far the model may move from the reference; smaller is farther",
                               {.fallback = 0.1, .min = 1e-6, .max = 1e3});
  chosen.nll_side = options.text("nll_side", "answers whose likelihood is trained: the target language's, both, none",
                                 {.fallback = "target", .choices = {"target", "both", "none"}});
  AnswerLoss objective;
  objective.ref_logp = true;
  objective.answers = {.all = true, .least = 2};
  objective.roles = {"target_language"};
  objective.loss = [chosen](const AnswerBatch& batch) { return cross_lingual_loss(batch, chosen); };
  return objective;
}

}  // namespace

namespace plugins {
void cross_lingual(TrainerBook& book) {
  book.objectives.add("cross_lingual",
                      {.summary = "likelihood in a new language, and preference for the asker's own (arXiv 2505.14297)",
                       .make = make_cross_lingual});
}
}  // namespace plugins
}  // namespace touchstone
