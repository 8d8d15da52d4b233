#include <tbb/parallel_for.h>

#include <algorithm>

#include "harness/train/stage.hpp"
#include "trainers/loops/answering.hpp"

namespace touchstone {
namespace {

struct JudgeOptions {
  std::string data;
  Reward rule;
  std::string keep;
};

/// Side by side: a program that is run for its verdict is mostly waited for.
void score_all(const JudgeOptions& options, const Session& session, std::vector<Record>& data) {
  struct Open {
    const Record* record;
    Answer* answer;
  };
  std::vector<Open> open;
  for (auto& record : data) {
    for (auto& answer : record.answers) open.push_back({&record, &answer});
  }
  tbb::parallel_for(std::size_t{0}, open.size(), [&](std::size_t at) {
    if (session.hooks->cancel != nullptr) session.hooks->cancel->check();
    open[at].answer->reward = options.rule(*session.job, *open[at].record, open[at].answer->text);
  });
}

void run_judge(const JudgeOptions& options, Session& session) {
  auto& data = session.data.at(options.data);
  score_all(options, session, data);
  double answers = 0.0;
  double sum = 0.0;
  std::vector<Record> kept;
  for (auto& record : data) {
    for (auto& answer : record.answers) {
      sum += answer.reward;
      ++answers;
    }
    if (options.keep == "right") {
      std::erase_if(record.answers, [](const Answer& answer) { return answer.reward < 1.0; });
    }
    if (!record.answers.empty()) kept.push_back(std::move(record));
  }
  session.values = {{"rows", static_cast<double>(kept.size())},
                    {"rows_dropped", static_cast<double>(data.size() - kept.size())},
                    {"answers", answers},
                    {"mean_reward", answers > 0.0 ? sum / answers : 0.0}};
  const bool any = !data.empty();
  data = std::move(kept);
  require(!data.empty() || !any, Fault::data,
          [&] { return "data set '" + options.data + "': no answer was judged right"; });
}

Stage make_judge(Options& options, const TrainerBook& book) {
  JudgeOptions judge;
  judge.data = options.text("on", "name of the data set", {.fallback = "data", .choices = {}});
  judge.rule = read_rule(options, book);
  judge.keep = options.text("keep", "right: answers that score below 1 go, and rows without any other",
                            {.fallback = "all", .choices = {"all", "right"}});
  Stage stage;
  stage.needs.push_back("data set '" + judge.data + "'");
  stage.making = {.data = judge.data};
  stage.run = [judge](Session& session) { run_judge(judge, session); };
  return stage;
}

}  // namespace

namespace plugins {
void judge(TrainerBook& book) {
  book.stages.add("judge", {.summary = "a reward for every answer of a data set, by the task that it came from",
                            .make = make_judge});
}
}  // namespace plugins
}  // namespace touchstone
