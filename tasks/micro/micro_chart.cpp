#include <set>

#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "tasks/micro/chart.hpp"
#include "tasks/micro/draw_chart.hpp"
#include "tasks/micro/items.hpp"
#include "tasks/micro/pictures.hpp"
#include "tasks/parts/filters.hpp"
#include "tasks/parts/line_answer.hpp"
#include "tasks/parts/relaxed.hpp"

namespace touchstone {
namespace {

using micro::Shift;

constexpr std::size_t chart_train = 2000;
constexpr int chart_longest = 16;  ///< tokens: a label or a number

micro::ChartRange chart_range(Shift shift) {
  switch (shift) {
    case Shift::names:
      return {.new_words = true, .new_types = true};
    case Shift::numbers:
      return {.new_types = true, .value_first = 60, .value_last = 200};
    case Shift::length:
      return {.new_types = true, .labels_first = 5, .labels_last = 7};
  }
  return {};
}

/// One edition of the benchmark.
struct ChartEdition {
  std::string name;
  std::string summary;
  bool shifted = false;
  bool picture = false;
};

Example chart_example(const micro::AskedChart& asked, const std::string& id, bool picture) {
  Example example;
  example.id = id;
  example.question = chart_table(asked.chart) + "Question: " + asked.question.text + "\nAnswer:";
  example.targets = {asked.question.answer};
  example.doc_hash = sha256(example.question + example.targets.front());
  if (picture) {
    example.question = "Question: " + asked.question.text + "\nAnswer:";  // prompts put the picture before it
    example.media = {draw_chart(asked.chart, micro::picture_side_px, micro::picture_side_px)};
  }
  const auto family = asked.question.family;
  example.facts = {{"chart", chart_table(asked.chart)},
                   {"table", chart_json(asked.chart)},
                   {"type", chart_type_name(asked.chart.type)},
                   {"family", chart_family_name(family)},
                   {"steps", join(asked.question.steps, "\n")},
                   {"operations", is_new(family) ? "new" : "known"},
                   {"level", std::to_string(asked.chart.labels.size() * asked.chart.series.size())}};
  return example;
}

/// Charts of one part, without repeated questions.
std::vector<Example> charts(const ChartEdition& edition, const micro::ItemSet& items) {
  const bool moved = edition.shifted && !items.train();
  auto draws = items.draws("chart", moved);
  std::vector<Example> examples;
  std::set<std::string> seen;
  while (examples.size() < micro::items_of(items.split, chart_train)) {
    const auto shift = micro::shift_of(examples.size());
    auto range = moved ? chart_range(shift) : micro::ChartRange{};
    if (edition.picture) range.value_step = micro::drawn_step;
    const auto asked = draw_asked_chart(range, micro::part_for(items.split), draws);
    if (!seen.insert(chart_table(asked.chart) + asked.question.text).second) continue;
    auto example = chart_example(asked, items.id(edition.name, examples.size()), edition.picture);
    if (moved) example.facts["shift"] = micro::shift_name(shift);
    examples.push_back(std::move(example));
  }
  return examples;
}

Verdict judge_chart(const Example& example, const Response& response) {
  const auto text = strip(first_text(response));
  const auto& gold = example.targets.front();
  Verdict verdict;
  verdict.correct = relaxed_equal(text, gold);
  verdict.score = verdict.correct ? 1.0 : 0.0;
  verdict.values = {{"relaxed_accuracy,none", verdict.score}, {"exact_match,none", text == gold ? 1.0 : 0.0}};
  verdict.extracted = text;
  verdict.parsed = !text.empty();
  verdict.confidence = answer_confidence(response);
  return verdict;
}

void add_chart(TaskBook& book, const ChartEdition& edition) {
  Task task;
  task.name = edition.name;
  task.family = "chart";
  task.summary = edition.summary;
  micro::belongs_to_world(task);
  task.format.shots_from = Split::train;
  task.format.shots_fixed = edition.picture;  // a request brings only the pictures of its own example
  task.metrics = {{.name = "relaxed_accuracy,none"}, {.name = "exact_match,none"}};
  micro::draws_items(task, [edition](const micro::ItemSet& items) { return charts(edition, items); });
  asks_for_a_line(task, chart_longest, judge_chart);
  book.tasks.add(edition.name, std::move(task));
}

}  // namespace

namespace plugins {

void micro_chart(TaskBook& book) {
  add_chart(book, {.name = "chart",
                   .summary = "questions on the tables of charts: reading, comparing, counting, sums, trends"});
  add_chart(book, {.name = "chart-ood",
                   .summary = "charts with other words, larger numbers, more values, other types",
                   .shifted = true});
  add_chart(book,
            {.name = "chart-picture", .summary = "such questions on drawn charts, values in fives", .picture = true});
  add_chart(book, {.name = "chart-picture-ood",
                   .summary = "drawn charts with other words, larger numbers, more values, other types",
                   .shifted = true,
                   .picture = true});
}

}  // namespace plugins
}  // namespace touchstone
