#include <tbb/parallel_for.h>

#include <algorithm>

#include "harness/train/stage.hpp"
#include "trainers/loops/answering.hpp"
#include "trainers/loops/stage_progress.hpp"
#include "trainers/rows/data_set.hpp"

namespace touchstone {
namespace {

struct JudgeOptions {
  std::string data;
  Reward rule;
  std::string keep;
};

/// Judges in parallel: a judge that runs a program spends most of its time waiting for it.
void score_all(const JudgeOptions& options, const Session& session, std::vector<Record>& data) {
  struct Open {
    Record* record;
    std::size_t number;
  };
  std::vector<Open> open;
  for (auto& record : data) {
    for (std::size_t number = 0; number < record.answers.size(); ++number) open.push_back({&record, number});
  }
  std::vector<double> worth(open.size());  // set later: a rule may look at the other answers
  StageProgress progress(session, open.size(), "answers judged");
  tbb::parallel_for(std::size_t{0}, open.size(), [&](std::size_t at) {
    if (session.hooks->cancel != nullptr) session.hooks->cancel->check();
    const auto& record = *open[at].record;
    worth[at] = worth_of(options.rule, {*session.job, record, record.answers, open[at].number});
    progress.one_more();
  });
  for (std::size_t at = 0; at < open.size(); ++at) {
    auto& answer = open[at].record->answers[open[at].number];
    answer.reward = worth[at];
    answer.judged = true;
  }
}

void run_judge(const JudgeOptions& options, Session& session) {
  auto& data = session.data.at(options.data);
  score_all(options, session, data);
  double answers = 0.0;
  double sum = 0.0;
  for (const auto& record : data) {
    for (const auto& answer : record.answers) sum += answer.reward;
    answers += static_cast<double>(record.answers.size());
  }
  const auto keep = [&](Record& record) {
    if (options.keep == "right") {
      std::erase_if(record.answers, [](const Answer& answer) { return answer.reward < 1.0; });
    }
    return !record.answers.empty();
  };
  keep_if(session, options.data, keep, "rows_dropped", "no answer was judged right");
  session.values["answers"] = answers;
  session.values["mean_reward"] = answers > 0.0 ? sum / answers : 0.0;
}

Stage make_judge(Options& options, const TrainerBook& book) {
  JudgeOptions judge;
  judge.data = read_on(options);
  judge.rule = read_rule(options, book);
  judge.keep = options.text("keep", "right: answers that score below 1 are removed, and rows left without any",
                            {.fallback = "all", .choices = {"all", "right"}});
  Stage stage;
  stage.needs.push_back(needs_data(judge.data));
  stage.making = {.data = judge.data};
  stage.run = [judge](Session& session) { run_judge(judge, session); };
  return stage;
}

}  // namespace

namespace plugins {
void judge(TrainerBook& book) {
  book.stages.add("judge", {.summary = "gives every answer of a data set a reward, by its task or another rule",
                            .make = make_judge});
}
}  // namespace plugins
}  // namespace touchstone
