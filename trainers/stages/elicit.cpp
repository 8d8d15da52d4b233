#include <algorithm>

#include "harness/train/stage.hpp"
#include "trainers/rows/data_set.hpp"

namespace touchstone {
namespace {

/// Orders a record's judged answers: the best, the worst, then the last, which the model has just written, even where
/// it is one of those two. Of answers with equal rewards the earlier one counts, but the written one before all others.
/// False when all rewards are equal.
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
  double won = 0.0;
  double sum = 0.0;
  const auto keep = [&](Record& record) {
    if (!elicit(record)) return false;
    if (record.answers[0].text == record.answers[2].text) ++won;
    sum += record.answers[2].reward;
    return true;
  };
  keep_if(session, name, keep, "rows_dropped", "all answers of every row are worth the same");
  const auto rows = session.values["rows"];
  session.values["own_is_best"] = rows > 0.0 ? won / rows : 0.0;
  session.values["own_mean_reward"] = rows > 0.0 ? sum / rows : 0.0;
  const auto dropped = session.values["rows_dropped"];
  tell_unspent(session, name, rows + dropped, dropped, "have answers that are all worth the same");
}

Stage make_elicit(Options& options, const TrainerBook&) {
  const auto name = read_on(options);
  Stage stage;
  stage.needs.push_back(needs_data(name));
  stage.making = {.data = name};
  stage.run = [name](Session& session) { run_elicit(name, session); };
  return stage;
}

}  // namespace

namespace plugins {
void elicit(TrainerBook& book) {
  book.stages.add("elicit", {.summary = "prefers the best judged answer to the worst; keeps the newest as third",
                             .make = make_elicit});
}
}  // namespace plugins
}  // namespace touchstone
