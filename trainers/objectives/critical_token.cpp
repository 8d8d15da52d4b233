#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

constexpr std::uint8_t critical_mark = 1;

/// l_t = -m_t log p_t, where m_t is one on critical tokens and zero elsewhere. The sum is divided by the number of
/// critical tokens; the others stay in the context. Source: "Enhancing Large Language Model Reasoning via Selective
/// Critical Token Fine-Tuning", arXiv 2510.10974, section 3; the normaliser and the terminator's part are inferred.
LossSum critical_likelihood(const TokenBatch& batch, bool keep_end) {
  const auto logp = label_logp(batch.logits, batch.labels);
  const auto bits = static_cast<std::uint8_t>(keep_end ? critical_mark | end_mark : critical_mark);
  const auto kept = has_mark(batch.marks, bits);
  LossSum loss;
  loss.sum = weighted_sum(at::where(kept, -logp, 0.0), batch.weights);
  loss.count = logged_sum(kept);
  loss.logged = {{"nll", -logged_sum(logp)}, {"critical", loss.count}};
  return loss;
}

}  // namespace

namespace plugins {
void critical_token(TrainerBook& book) {
  book.objectives.add(
      "critical_token",
      {.summary = "likelihood of an answer's critical tokens alone (arXiv 2510.10974)",
       .make = [](Options& options, const TrainerBook&) {
         TokenLoss objective;
         objective.roles = {
             options.text("role", "what the spans of critical tokens are called", {.fallback = "critical"})};
         const bool keep_end = options.flag("keep_end", "the terminator behind the answer is critical too", true);
         objective.loss = [keep_end](const TokenBatch& batch) { return critical_likelihood(batch, keep_end); };
         return objective;
       }});
}
}  // namespace plugins
}  // namespace touchstone
