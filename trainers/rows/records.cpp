#include "trainers/rows/records.hpp"

#include <set>

#include "harness/base/error.hpp"
#include "harness/data/prompt.hpp"

namespace touchstone {
namespace {

Split chosen_split(const Task& task, std::optional<Split> split) { return split.value_or(task.trained); }

bool is_endless(const Task& task, std::optional<Split> split) {
  return task.stream && chosen_split(task, split) == task.trained;
}

[[noreturn]] void refuse(const Task& task) {
  throw Error(
      Fault::config,
      "task '" + task.name + "' makes training examples without end, expected the option 'limit', which says how many");
}

std::vector<Example> examples_of(const TrainJob& job, const Task& task, std::optional<Split> split,
                                 std::int64_t endless) {
  if (!is_endless(task, split)) return task.load(chosen_split(task, split), *job.data);
  if (endless == 0) refuse(task);
  return task.stream(job.seed, 0, static_cast<std::uint64_t>(endless));
}

}  // namespace

void check_task_data(const TrainJob& job, const std::string& name, std::optional<Split> split) {
  for (const auto& leaf : job.tasks->expand(name)) {
    const auto& task = job.tasks->tasks.get(leaf);
    bool any = false;
    for (const auto& file : task.files) {
      if (file.split != chosen_split(task, split)) continue;
      job.data->find(task.name, file);
      any = true;
    }
    require(any || task.files.empty(), Fault::config, [&] {
      return "task '" + leaf + "' has no " + split_name(chosen_split(task, split)) + " split to train on";
    });
  }
}

void refuse_endless(const TrainJob& job, const std::string& name, std::optional<Split> split) {
  for (const auto& leaf : job.tasks->expand(name)) {
    const auto& task = job.tasks->tasks.get(leaf);
    if (is_endless(task, split)) refuse(task);
  }
}

std::vector<Record> load_records(const TrainJob& job, const std::string& name, std::optional<Split> split,
                                 std::int64_t endless) {
  std::vector<Record> records;
  std::set<std::string> seen;  // tasks of a group may share one training file
  for (const auto& leaf : job.tasks->expand(name)) {
    const auto& task = job.tasks->tasks.get(leaf);
    auto examples = examples_of(job, task, split, endless);
    for (auto& example : examples) {
      if (!seen.insert(example.id).second) continue;
      auto pair = training_pair(task, example);
      Answer answer;
      answer.text = std::move(pair.answer);
      example.media = {};  // the record has them now; a data set of pictures must not be in memory twice
      records.push_back({.id = example.id,
                         .task = leaf,
                         .prompt = std::move(pair.prompt),
                         .answers = {std::move(answer)},
                         .example = std::make_shared<const Example>(std::move(example))});
    }
  }
  require(!records.empty(), Fault::data,
          [&] { return "task '" + name + "': found no training example, expected at least one"; });
  return records;
}

bool trains_on_test(const TrainJob& job, const std::string& name, std::optional<Split> split) {
  for (const auto& leaf : job.tasks->expand(name)) {
    const auto& task = job.tasks->tasks.get(leaf);
    if (chosen_split(task, split) == task.evaluated) return true;
  }
  return false;
}

}  // namespace touchstone
