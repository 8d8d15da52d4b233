#include <cmath>

#include "harness/base/draws.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/data_set.hpp"
#include "trainers/rows/records.hpp"

namespace touchstone {
namespace {

struct MixOptions {
  std::string name;
  std::vector<std::string> tasks;
  double share = 0.0;
};

/// The tasks to mix in: not those trained on already, nor those that are scored on the rows they would train on.
std::vector<std::string> partners(const MixOptions& options, const TrainJob& job) {
  std::vector<std::string> chosen;
  for (const auto& task : options.tasks) {
    if (task == job.train_on) continue;
    require(!trains_on_test(job, task, std::nullopt), Fault::config, [&] {
      return "task '" + task +
             "' cannot be mixed in: the only split that it could be trained on is the one that it is scored on";
    });
    chosen.push_back(task);
  }
  require(!chosen.empty(), Fault::config, [&] {
    return "no task is left to mix in beside '" + job.train_on + "', found " + join(options.tasks, ", ");
  });
  return chosen;
}

/// `count` records, from each task in turn. The seed draws each task's order; a task that runs out begins again.
void add_replay(std::vector<Record>& data, const std::vector<std::string>& tasks, std::size_t count,
                const TrainJob& job) {
  std::vector<std::vector<Record>> pools;
  if (count == 0) return;
  for (const auto& task : tasks) {
    pools.push_back(load_records(job, task, std::nullopt, static_cast<std::int64_t>(count)));
    Draws draws(job.seed, "mix." + task);
    shuffle(pools.back(), draws);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto& pool = pools[i % pools.size()];
    data.push_back(pool[(i / pools.size()) % pool.size()]);
  }
}

void run_mix(const MixOptions& options, Session& session) {
  auto& data = session.data.at(options.name);
  const auto own = static_cast<double>(data.size());
  const auto count = static_cast<std::size_t>(std::llround(options.share / (1.0 - options.share) * own));
  add_replay(data, partners(options, *session.job), count, *session.job);
  session.values["rows"] = static_cast<double>(data.size());
  session.values["rows_mixed_in"] = static_cast<double>(count);
}

Stage make_mix(Options& options, const TrainerBook&) {
  MixOptions mix;
  mix.name = options.text("into", "name of the data set that grows", {.fallback = "data"});
  mix.tasks = options.texts("tasks", "tasks whose training rows are mixed in; the one trained on is left out");
  mix.share = options.number("share", "share of all rows afterwards that is theirs",
                             {.fallback = 0.1, .min = 0.0, .max = 0.95});
  Stage stage;
  stage.needs.push_back(needs_data(mix.name));
  stage.check = [mix](const TrainJob& job) {
    for (const auto& task : mix.tasks) job.tasks->expand(task);
    for (const auto& task : partners(mix, job)) check_task_data(job, task, std::nullopt);
  };
  stage.run = [mix](Session& session) { run_mix(mix, session); };
  return stage;
}

}  // namespace

namespace plugins {
void mix(TrainerBook& book) {
  book.stages.add("mix", {.summary = "mixes in other tasks' training data (experience replay)", .make = make_mix});
}
}  // namespace plugins
}  // namespace touchstone
