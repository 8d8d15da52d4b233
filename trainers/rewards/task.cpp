#include "harness/data/task.hpp"

#include "trainers/loops/answering.hpp"

namespace touchstone {
namespace {

/// In [0, 1]: the benchmark's own score of the text where it asks for one written answer; else one where the text is
/// one of the targets.
double task_score(const TrainJob& job, const Record& record, const std::string& text) {
  const auto& example = example_of(record);
  const auto& task = job.tasks->tasks.get(record.task);
  const AskSettings settings{.mode = job.mode, .chat = job.chat, .seed = job.seed};
  const auto requests = task.ask ? task.ask(example, "", settings) : std::vector<Request>();
  if (requests.size() != 1 || !std::holds_alternative<Generation>(requests.front())) {
    return equals_target(example, text) ? 1.0 : 0.0;
  }
  auto shown = text;
  for (const auto& stop : std::get<Generation>(requests.front()).until) shown = shown.substr(0, shown.find(stop));
  Response response;
  response.generated.push_back({.text = shown, .logp_nats = {}, .finished = true});
  return task.judge(example, std::span<const Response>(&response, 1), settings).score;
}

}  // namespace

namespace plugins {
void task(TrainerBook& book) {
  book.rewards.add("task", {.summary = "as the benchmark scores it, or as equal where that asks for no written answer",
                            .make = [](Options&, const TrainerBook&) -> Reward { return task_score; }});
}
}  // namespace plugins
}  // namespace touchstone
