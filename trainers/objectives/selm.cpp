#include <algorithm>

#include "harness/model/ops.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/losses/preference.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {
namespace {

/// -log sigma(beta h) of a record's first answer against its second, plus alpha beta (log p(y) - log ref(y)) where y,
/// its third, is what the reference itself wrote: answers away from it are sought. A record without a third has no such
/// term. Sums over tokens. Source: "Self-Exploring Language Models: Active Preference Elicitation for Online
/// Alignment", arXiv 2405.19332, equation 8, with the factor beta of the authors' code (selm_trainer.py).
LossSum exploring_preference(const AnswerBatch& batch, double beta, double alpha) {
  const auto pairs = answer_pairs(batch, /*others=*/1);
  const auto ratios = log_ratios(batch);
  const auto h = ratios.index_select(0, pairs.better) - ratios.index_select(0, pairs.worse);
  auto loss = sum_over_records(batch, pairs, dpo_sigmoid(h, beta), beta * ratios);
  std::vector<std::int64_t> own;
  for (std::size_t record = 0; record + 1 < batch.starts.size(); ++record) {
    if (batch.starts[record + 1] - batch.starts[record] > 2) own.push_back(batch.starts[record] + 2);
  }
  const auto explored = ratios.index_select(0, at::tensor(own, at::kLong).to(ratios.device())).sum();
  loss.sum = loss.sum + alpha * beta * explored;
  loss.logged["own_log_ratio"] = logged_sum(explored);
  return loss;
}

TokenObjective make_selm(Options& options, const TrainerBook&) {
  const auto beta = options.number("beta", "how far the model may move from the reference; smaller is farther",
                                   {.fallback = 0.01, .min = 1e-6, .max = 1e3});
  const auto alpha = options.number("alpha", "weight of the optimism term; 0: direct preference optimisation",
                                    {.fallback = 0.001, .min = 0.0, .max = 1e3});
  TokenObjective objective;
  objective.needs_ref_logp = true;
  objective.answers = 2;
  objective.answer_loss = [beta, alpha](const AnswerBatch& batch) { return exploring_preference(batch, beta, alpha); };
  return objective;
}

/// Of a record's judged answers, the last of which the model has just written: the best first, then the worst, then the
/// last itself, whichever place it has. Of equals the earlier one counts, the written one before all. False when all
/// are equal.
bool elicit(Record& record) {
  if (record.answers.size() < 2) return false;
  const auto own = record.answers.back();
  std::vector<Answer> ranked = {own};
  ranked.insert(ranked.end(), record.answers.begin(), record.answers.end() - 1);
  const auto less = [](const Answer& a, const Answer& b) { return a.reward < b.reward; };
  const auto best = *std::max_element(ranked.begin(), ranked.end(), less);
  const auto worst = *std::min_element(ranked.begin(), ranked.end(), less);
  if (!less(worst, best)) return false;
  record.answers = {best, worst, own};
  return true;
}

void run_elicit(const std::string& name, Session& session) {
  auto& data = session.data.at(name);
  std::vector<Record> kept;
  double won = 0.0;
  double sum = 0.0;
  for (auto& record : data) {
    if (!elicit(record)) continue;
    if (record.answers[0].text == record.answers[2].text) ++won;
    sum += record.answers[2].reward;
    kept.push_back(std::move(record));
  }
  const auto rows = static_cast<double>(kept.size());
  session.values = {{"rows", rows},
                    {"rows_dropped", static_cast<double>(data.size()) - rows},
                    {"own_is_best", rows > 0.0 ? won / rows : 0.0},
                    {"own_mean_reward", rows > 0.0 ? sum / rows : 0.0}};
  const bool any = !data.empty();
  data = std::move(kept);
  require(!data.empty() || !any, Fault::data,
          [&] { return "data set '" + name + "': all answers of every row are worth the same"; });
}

}  // namespace

namespace plugins {
void selm(TrainerBook& book) {
  book.objectives.add(
      "selm",
      {.summary = "preference that leans away from what the model would write (arXiv 2405.19332)", .make = make_selm});
  book.stages.add("elicit", {.summary = "preferences between judged answers, the model's newest kept beside them",
                             .make = [](Options& options, const TrainerBook&) {
                               const auto name =
                                   options.text("on", "name of the data set", {.fallback = "data", .choices = {}});
                               Stage stage;
                               stage.needs.push_back("data set '" + name + "'");
                               stage.making = {.data = name};
                               stage.run = [name](Session& session) { run_elicit(name, session); };
                               return stage;
                             }});
}
}  // namespace plugins
}  // namespace touchstone
