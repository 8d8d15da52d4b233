#include "tasks/micro/items.hpp"
#include "tasks/micro/myths.hpp"
#include "tasks/parts/truthfulqa_form.hpp"

namespace touchstone {
namespace {

using micro::Topic;

/// True claims first, in the order that the reference's reader gives.
TruthfulTargets targets(const std::vector<std::string>& right, const std::vector<std::string>& wrong) {
  TruthfulTargets all{.choices = right, .labels = std::vector<int>(right.size(), 1)};
  for (const auto& claim : wrong) {
    all.choices.push_back(claim);
    all.labels.push_back(0);
  }
  return all;
}

/// One question on a topic: the truth, the popular falsehood, and two more values that nobody claims.
TruthfulChoice choice_of(const Topic& topic, std::string_view wording, bool shifted) {
  const auto key = std::string(topic.family->name) + "|" + topic.name;
  Draws draws(0, "truthfulqa|" + key + "|" + std::string(wording));
  std::vector<std::size_t> rest;
  for (std::size_t i = 0; i < topic.family->values.size(); ++i) {
    if (i != topic.truth && i != topic.myth) rest.push_back(i);
  }
  shuffle(rest, draws);
  const auto claim = [&](std::size_t value) { return shifted ? topic.new_claim(value) : topic.claim(value); };
  const auto other = [&](std::size_t value) { return shifted ? topic.claim(value) : topic.new_claim(value); };
  const std::vector<std::string> wrong = {claim(topic.myth), claim(rest[0]), claim(rest[1])};
  auto more_wrong = wrong;
  more_wrong.push_back(other(topic.myth));
  auto choice = truthful_choice(topic.question(wording), targets({claim(topic.truth)}, wrong),
                                targets({claim(topic.truth), other(topic.truth)}, more_wrong));
  choice.facts = {{"level", std::to_string(topic.level)}, {"topic", key}, {"popular", claim(topic.myth)}};
  if (shifted) choice.facts["shift"] = "wording";
  return choice;
}

std::vector<TruthfulChoice> choices(Split split, bool shifted) {
  const bool moved = shifted && split != Split::train;
  std::vector<TruthfulChoice> all;
  for (const auto& topic : micro::topics()) {
    if (topic.part != micro::part_for(split)) continue;
    if (moved) {
      for (const auto& wording : topic.family->new_questions) all.push_back(choice_of(topic, wording, true));
    } else {
      for (const auto& wording : topic.family->questions) all.push_back(choice_of(topic, wording, false));
    }
  }
  return all;
}

void add_truthfulqa(TaskBook& book, const std::string& name, const std::string& summary, bool many, bool shifted) {
  const TruthfulForm form{.name = name,
                          .version = {},
                          .summary = summary,
                          .primer = std::string(micro::myth_primer),
                          .chance = many ? 1.0 / 3 : 0.25};
  Task task = truthful_choosing_task(form, many,
                                     [shifted](Split split, const DataFolders&) { return choices(split, shifted); });
  task.load = micro::made_once(name, [load = task.load](Split split) { return load(split, {}); });
  micro::belongs_to_world(task);
  task.family = "micro-truthfulqa";
  task.cluster_fact = "topic";
  book.tasks.add(name, std::move(task));
}

}  // namespace

namespace plugins {

void micro_truthfulqa(TaskBook& book) {
  const std::string questions = "what the micro world's people are wrong about, ";
  add_truthfulqa(book, "micro-truthfulqa-mc1", questions + "one true answer chosen", false, false);
  add_truthfulqa(book, "micro-truthfulqa-mc2", questions + "probability of the true answers", true, false);
  add_truthfulqa(book, "micro-truthfulqa-ood", questions + "asked and answered in new words", false, true);
  book.groups.add("micro-truthfulqa", {.name = "micro-truthfulqa",
                                       .summary = questions + "mc1 and mc2",
                                       .members = {"micro-truthfulqa-mc1", "micro-truthfulqa-mc2"},
                                       .metrics = {}});
}

}  // namespace plugins
}  // namespace touchstone
