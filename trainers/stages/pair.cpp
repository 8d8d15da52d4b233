#include <algorithm>

#include "harness/base/draws.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/data_set.hpp"

namespace touchstone {
namespace {

struct PairOptions {
  std::string data;
  std::string better;
  std::int64_t worse = 1;
};

/// The answers that lost to the better one: those with less reward, or all others where nothing was judged.
std::vector<Answer> losers(std::vector<Answer>& answers, const Answer& better, bool judged) {
  std::vector<Answer> lost;
  for (auto& answer : answers) {
    if (answer.text != better.text && (!judged || answer.reward < better.reward)) lost.push_back(std::move(answer));
  }
  return lost;
}

/// Keeps of the record's answers the better one, reward 1, and `worse` drawn others, reward -1. False when there are
/// fewer.
bool pair_up(Record& record, const PairOptions& options, std::uint64_t seed) {
  if (record.answers.empty()) return false;
  const auto by_reward = [](const Answer& a, const Answer& b) { return a.reward < b.reward; };
  const bool judged = any_judged(record.answers);
  const auto chosen = options.better == "best"
                          ? std::max_element(record.answers.begin(), record.answers.end(), by_reward)
                          : record.answers.begin();
  auto better = *chosen;
  auto lost = losers(record.answers, better, judged);
  if (static_cast<std::int64_t>(lost.size()) < options.worse) return false;
  Draws draws(seed, "pair." + record.id);
  const auto drawn = sample_indices(lost.size(), static_cast<std::size_t>(options.worse), draws);
  better.reward = 1.0;
  record.answers = {std::move(better)};
  for (const auto at : drawn) {
    lost[at].reward = -1.0;
    record.answers.push_back(std::move(lost[at]));
  }
  return true;
}

void run_pair(const PairOptions& options, Session& session) {
  keep_if(
      session, options.data, [&](Record& record) { return pair_up(record, options, session.job->seed); },
      "rows_dropped", "no row has an answer and " + std::to_string(options.worse) + " that lost to it");
  const auto dropped = session.values["rows_dropped"];
  tell_unspent(session, options.data, session.values["rows"] + dropped, dropped, "give no pair");
}

Stage make_pair(Options& options, const TrainerBook&) {
  PairOptions pair;
  pair.data = read_on(options);
  pair.better = options.text("better", "first: the data's own answer; best: the one with the highest reward",
                             {.fallback = "first", .choices = {"first", "best"}});
  pair.worse = options.integer("worse", "worse answers, drawn from those with less reward (from all if none is judged)",
                               {.fallback = 1, .min = 1, .max = 1024});
  Stage stage;
  stage.needs.push_back(needs_data(pair.data));
  stage.making = {.data = pair.data};
  stage.run = [pair](Session& session) { run_pair(pair, session); };
  return stage;
}

}  // namespace

namespace plugins {
void pair(TrainerBook& book) {
  book.stages.add(
      "pair", {.summary = "preferences: a row's better answer first, then some that lost to it", .make = make_pair});
}
}  // namespace plugins
}  // namespace touchstone
