#include "harness/base/draws.hpp"
#include "harness/data/split.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/rows/data_set.hpp"
#include "trainers/rows/records.hpp"

namespace touchstone {
namespace {

struct LoadOptions {
  std::string task;
  std::optional<Split> split;
  std::string name;
  std::int64_t limit = 0;
};

void run_load(const LoadOptions& options, Session& session) {
  const auto& job = *session.job;
  auto records = load_records(job, options.task, options.split, options.limit);
  session.values["rows_found"] = static_cast<double>(records.size());
  if (options.limit > 0) {
    Draws draws(job.seed, "load." + options.task);
    std::vector<Record> drawn;
    for (const auto at : sample_indices(records.size(), static_cast<std::size_t>(options.limit), draws)) {
      drawn.push_back(std::move(records[at]));
    }
    records = std::move(drawn);
  }
  const bool contaminated = trains_on_test(job, options.task, options.split);
  session.values["rows"] = static_cast<double>(records.size());
  session.values["trains_on_scored_split"] = contaminated ? 1.0 : 0.0;
  if (contaminated && session.hooks->log != nullptr) {
    session.hooks->log->warn("task '" + options.task +
                             "' has no split of its own for training: it trains on items that it is scored on");
  }
  session.data[options.name] = std::move(records);
}

Stage make_load(Options& options, const TrainerBook&) {
  LoadOptions load;
  load.task = options.text("task", "a task or group; \"$train_on\" is the one that the plan names");
  load.split = split_named(options.text("split", "which part of it; \"\": the task's own training split",
                                        {.fallback = "", .choices = {"", "train", "validation", "test", "dev"}}));
  load.name = options.text("as", "name of the data set that this makes", {.fallback = "data"});
  load.limit = options.integer("limit", "rows, drawn by the seed; 0: all (not for a task without end)",
                               {.fallback = 0, .min = 0});
  Stage stage;
  stage.gives.push_back(needs_data(load.name));
  stage.check = [load](const TrainJob& job) {
    check_task_data(job, load.task, load.split);
    if (load.limit == 0) refuse_endless(job, load.task, load.split);
  };
  stage.run = [load](Session& session) { run_load(load, session); };
  return stage;
}

}  // namespace

namespace plugins {
void load(TrainerBook& book) {
  book.stages.add("load", {.summary = "a task's training examples as prompt and answer", .make = make_load});
}
}  // namespace plugins
}  // namespace touchstone
