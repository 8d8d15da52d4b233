#include <set>

#include "tasks/micro/items.hpp"
#include "tasks/micro/problems.hpp"
#include "tasks/parts/gsm8k_form.hpp"

namespace touchstone {
namespace {

using micro::Shift;

constexpr std::size_t gsm8k_train = 4000;
constexpr std::uint64_t gsm8k_new_operations = 60;  ///< percent of the problems that need an operation the corpus lacks

micro::ProblemRange gsm8k_range(Shift shift) {
  switch (shift) {
    case Shift::names:
      return {.new_words = true};
    case Shift::numbers:
      return {.start_first = 100, .start_last = 400, .change_last = 300, .value_last = 999};
    case Shift::length:
      return {.value_last = 199, .events_first = 4, .events_last = 6, .steps_first = 6, .steps_last = 7};
  }
  return {};
}

/// Problems of one part, without repeated structures.
std::vector<Example> problems(const Gsm8kForm& form, const micro::ItemSet& items, bool shifted) {
  const bool moved = shifted && !items.train();
  auto draws = items.draws("gsm8k", moved);
  std::vector<micro::Problem> drawn;
  std::set<std::string> structures;
  while (drawn.size() < micro::items_of(items.split, gsm8k_train)) {
    const auto range = moved ? gsm8k_range(micro::shift_of(drawn.size())) : micro::ProblemRange{};
    auto problem = draw_problem(range, micro::chance(gsm8k_new_operations, draws), micro::part_for(items.split), draws);
    if (structures.insert(problem.structure).second) drawn.push_back(std::move(problem));
  }
  // Few structures are short, so that later problems are longer: in another order the first are a fair sample of all.
  if (!moved) shuffle(drawn, draws);
  std::vector<Example> examples;
  for (const auto& problem : drawn) {
    const auto shift = micro::shift_of(examples.size());
    const auto row = micro::made_row(form.name, {{"question", problem.question}, {"answer", problem.answer}});
    examples.push_back(gsm8k_example(form, row, items.id(form.name, examples.size())));
    auto& facts = examples.back().facts;
    facts["level"] = std::to_string(problem.steps);
    facts["operations"] = problem.new_operation ? "new" : "known";
    facts["structure"] = problem.structure;
    if (moved) facts["shift"] = micro::shift_name(shift);
  }
  return examples;
}

void add_gsm8k(TaskBook& book, const std::string& name, const std::string& summary, bool shifted) {
  const auto form = gsm8k_form(name, summary, "");
  Task task = gsm8k_task(form);
  task.family = "micro-gsm8k";
  micro::belongs_to_world(task);
  task.format.shots = 0;  // five worked examples are longer than the rows that the carried models were trained on
  micro::draws_items(task, [form, shifted](const micro::ItemSet& items) { return problems(form, items, shifted); });
  book.tasks.add(name, std::move(task));
}

}  // namespace

namespace plugins {

void micro_gsm8k(TaskBook& book) {
  add_gsm8k(book, "micro-gsm8k", "word problems of the micro world, two to five steps", false);
  add_gsm8k(book, "micro-gsm8k-ood", "word problems with other names, larger numbers, more steps", true);
}

}  // namespace plugins
}  // namespace touchstone
