#include "harness/data/task.hpp"

#include "trainers/loops/answering.hpp"

namespace touchstone {
namespace {

/// In [0, 1]: the benchmark's own score of the text, where it asks for one written answer; otherwise one where the text
/// is one of the targets, else zero. None for a record that comes from no task.
std::optional<double> task_score(const Judged& judged) {
  const auto& [job, record, group, number] = judged;
  if (record.example == nullptr) return std::nullopt;
  const auto& example = *record.example;
  const auto asked = asked_of(job, record);
  const auto& answer = group[number];
  if (!asked) return equals_target(example, answer.text) ? 1.0 : 0.0;
  auto shown = answer.text;
  for (const auto& stop : asked->until) shown = shown.substr(0, shown.find(stop));
  Response response;
  response.generated.push_back({.text = shown, .logp_nats = {}, .finished = answer.finished});
  const AskSettings settings{.mode = job.mode, .chat = job.chat, .seed = job.seed};
  return job.tasks->tasks.get(record.task).judge(example, std::span<const Response>(&response, 1), settings).score;
}

}  // namespace

namespace plugins {
void task(TrainerBook& book) {
  book.rewards.add("task", {.summary = "the benchmark's score; that of 'equal' where it asks for no written answer",
                            .make = [](Options&, const TrainerBook&) -> Reward { return task_score; }});
}
}  // namespace plugins
}  // namespace touchstone
