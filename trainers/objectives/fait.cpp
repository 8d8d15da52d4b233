#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

constexpr std::uint8_t line_mark = 1;
constexpr std::uint8_t fault_mark = 2;

struct FaitOptions {
  bool margin = true;
  double alpha = 1.0;
  double tau = 1.0;
  bool by_weight = false;
  std::string granularity;
};

/// Mean log-probability of each answer's tokens in a mask, [A]; zero where `tokens` [A], their number, is zero.
Tensor masked_mean(const AnswerBatch& batch, const Tensor& logp, const Tensor& mask, Tensor& tokens) {
  tokens = weighted_answer_sums(batch, mask.to(logp.scalar_type()));
  return weighted_answer_sums(batch, at::where(mask, logp, 0.0)) / at::where(tokens.gt(0.0), tokens, 1.0);
}

/// A pair for each record that has a wrong variant.
struct Pairs {
  Tensor right;  ///< [P] int64: the answer that is trained
  Tensor wrong;  ///< [P] int64: its variant
};

Pairs pairs_of(const AnswerBatch& batch) {
  std::vector<std::int64_t> right;
  std::vector<std::int64_t> wrong;
  for (std::size_t record = 0; record + 1 < batch.starts.size(); ++record) {
    const auto first = batch.starts[record];
    const auto answers = batch.starts[record + 1] - first;
    require(answers <= 2, Fault::data, [&] {
      return "found a record with " + std::to_string(answers) +
             " answers, expected a right one and at most one wrong: let the stage 'near_miss' choose it";
    });
    if (answers < 2) continue;
    right.push_back(first);
    wrong.push_back(first + 1);
  }
  const auto device = batch.logp.device();
  return {.right = at::tensor(right, at::kLong).to(device), .wrong = at::tensor(wrong, at::kLong).to(device)};
}

/// a+ - a-, [P]: how far the model prefers the right answer where the two differ, without gradient. Where one side has
/// no token that differs (a variant that only leaves something out) both are compared by lines. Where no line differs
/// either, it is zero.
Tensor margins(const AnswerBatch& batch, const Pairs& pairs, const FaitOptions& options) {
  const auto logp = batch.logp.detach();
  const auto between = [&](std::uint8_t bits, Tensor& there) {
    Tensor tokens;
    const auto mean = masked_mean(batch, logp, has_mark(batch.marks, bits), tokens);
    there = tokens.index_select(0, pairs.right).gt(0.0).logical_and(tokens.index_select(0, pairs.wrong).gt(0.0));
    return mean.index_select(0, pairs.right) - mean.index_select(0, pairs.wrong);
  };
  Tensor by_line;
  Tensor by_fault;
  const auto line = between(line_mark, by_line);
  const auto fault = between(fault_mark, by_fault);
  const auto coarse = at::where(by_line, line, 0.0);
  return options.granularity == "line" ? coarse : at::where(by_fault, fault, coarse);
}

/// Weight of a sensitive token, [A]: 1 + alpha (static), or 1 + alpha sigma(-(a+ - a-) / tau).
Tensor sensitive_weights(const AnswerBatch& batch, const FaitOptions& options, LossSum& loss) {
  auto weights = at::full({batch.starts.back()}, 1.0 + options.alpha, batch.logp.options().requires_grad(false));
  if (!options.margin) return weights;
  const auto pairs = pairs_of(batch);
  const auto margin = margins(batch, pairs, options);
  weights.fill_(1.0);
  loss.logged["separation"] = logged_sum(margin);
  return weights.index_put({pairs.right}, 1.0 + options.alpha * (-margin / options.tau).sigmoid());
}

/// Weight of each token, [M], from that of a sensitive one, [M]. "both": halfway for the rest of the changed line.
Tensor token_weights(const AnswerBatch& batch, const Tensor& sensitive, const std::string& granularity) {
  const auto one = at::ones_like(sensitive);
  const auto fault = has_mark(batch.marks, fault_mark);
  if (granularity == "token") return at::where(fault, sensitive, one);
  const auto line = has_mark(batch.marks, line_mark | fault_mark);
  if (granularity == "line") return at::where(line, sensitive, one);
  return at::where(fault, sensitive, at::where(line, 1.0 + 0.5 * (sensitive - 1.0), one));
}

/// sum_j w_j nll_j over the tokens of each record's first answer. The tokens that tell it from a wrong variant weigh
/// more; the variant, the second answer, is scored but not trained. Divided by tokens or by weights.
/// Source: "FAIT: Fault-Aware Fine-Tuning for Better Code Generation", arXiv 2503.16913: the weighted likelihood with
/// masks of a line and a token diff. What we could read does not say how the weight follows the model's scores of both:
/// the sigmoid of the margin, and the weight of lines under "both", are our variant.
LossSum fault_aware(const AnswerBatch& batch, const FaitOptions& options) {
  LossSum loss;
  auto learns = at::zeros({batch.starts.back()}, batch.logp.options().requires_grad(false));
  for (std::size_t record = 0; record + 1 < batch.starts.size(); ++record) learns[batch.starts[record]] = 1.0;
  const auto own = learns.index_select(0, batch.answer_of);
  const auto sensitive = sensitive_weights(batch, options, loss);
  auto weights = own * token_weights(batch, sensitive.index_select(0, batch.answer_of), options.granularity);
  const auto marked = own * weights.ne(1.0).logical_and(own.gt(0.0)).to(own.scalar_type());
  if (batch.weights.defined()) weights = weights * batch.weights;
  loss.sum = -weights.dot(batch.logp);
  loss.count = logged_sum(options.by_weight ? weights : own);
  const auto lengths = answer_sums(batch, own);
  loss.logged["nll"] = -logged_sum(answer_sums(batch, own * batch.logp.detach()) / lengths.clamp_min(1.0));
  loss.logged["weight"] = logged_sum(sensitive * learns);
  loss.logged["sensitive"] = logged_sum(answer_sums(batch, marked) / lengths.clamp_min(1.0));
  return loss;
}

Objective make_fait(Options& options, const TrainerBook&) {
  FaitOptions chosen;
  chosen.margin = options.text("weight",
                               "weight of tokens that differ from the variant. static: 1 + alpha; margin_sigmoid: "
                               "grows as the model prefers the variant (our rule; the paper's is unread)",
                               {.fallback = "margin_sigmoid", .choices = {"static", "margin_sigmoid"}}) != "static";
  chosen.alpha = options.number("alpha", "additional weight of a sensitive token, at most; 0: plain likelihood",
                                {.fallback = 1.0, .min = 0.0, .max = 1e3});
  chosen.tau =
      options.number("tau", "scale of the margin, in nats per token", {.fallback = 1.0, .min = 1e-6, .max = 1e6});
  chosen.by_weight = options.text("normaliser", "what the loss is divided by: the tokens, or their weights",
                                  {.fallback = "token_mean", .choices = {"token_mean", "weight_sum"}}) == "weight_sum";
  chosen.granularity = options.text("granularity",
                                    "sensitive tokens: line: of a changed line; token: with a changed character; "
                                    "both: the latter, the rest of the line by half",
                                    {.fallback = "both", .choices = {"line", "token", "both"}});
  AnswerLoss objective;
  objective.roles = {"fault_line", "fault"};
  objective.answers.all = chosen.margin;  // a static weight needs no look at the variant
  objective.first_learns = true;
  objective.loss = [chosen](const AnswerBatch& batch) { return fault_aware(batch, chosen); };
  return objective;
}

}  // namespace

namespace plugins {
void fait(TrainerBook& book) {
  book.objectives.add("fait",
                      {.summary = "likelihood; tokens that tell right from a near miss weigh more (arXiv 2503.16913)",
                       .make = make_fait});
}
}  // namespace plugins
}  // namespace touchstone
