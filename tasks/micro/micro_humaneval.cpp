#include <set>

#include "tasks/micro/functions.hpp"
#include "tasks/micro/items.hpp"
#include "tasks/parts/humaneval_form.hpp"

namespace touchstone {
namespace {

using micro::Shift;

constexpr std::size_t humaneval_train = 2000;
constexpr int humaneval_longest =
    256;  ///< tokens: three times the longest solution; a model that does not stop costs no more
constexpr std::uint64_t humaneval_new_operations = 50;  ///< percent of the functions with a step that the corpus lacks

micro::FunctionRange humaneval_range(Shift shift) {
  switch (shift) {
    case Shift::names:
      return {.new_names = true};
    case Shift::numbers:
      return {.new_values = true};
    case Shift::length:
      return {.steps_first = 3, .steps_last = 4};
  }
  return {};
}

/// Functions of one part, without repeated prompts.
std::vector<Example> functions(const HumanEvalForm& form, const micro::ItemSet& items, bool shifted) {
  const bool moved = shifted && !items.train();
  auto draws = items.draws("humaneval", moved);
  std::vector<Example> examples;
  std::set<std::string> prompts;
  while (examples.size() < micro::items_of(items.split, humaneval_train)) {
    const auto shift = micro::shift_of(examples.size());
    const auto range = moved ? humaneval_range(shift) : micro::FunctionRange{};
    const auto function =
        draw_function(range, micro::chance(humaneval_new_operations, draws), micro::part_for(items.split), draws);
    if (!prompts.insert(function.prompt).second) continue;
    const auto number = std::to_string(examples.size());
    const auto row = micro::made_row(form.name, {{"task_id", form.name + "/" + number},
                                                 {"prompt", function.prompt},
                                                 {"canonical_solution", function.solution},
                                                 {"test", function.test},
                                                 {"entry_point", function.name}});
    examples.push_back(humaneval_example(form, row, items.id(form.name, examples.size())));
    auto& facts = examples.back().facts;
    facts["level"] = std::to_string(function.steps);
    facts["operations"] = function.new_operation ? "new" : "known";
    facts["composition"] = function.composition;
    if (moved) facts["shift"] = micro::shift_name(shift);
  }
  return examples;
}

void add_humaneval(TaskBook& book, const std::string& name, const std::string& summary, bool shifted,
                   const std::shared_ptr<LazySandbox>& sandbox) {
  const HumanEvalForm form{.name = name, .version = {}, .summary = summary, .max_new_tokens = humaneval_longest};
  Task task = humaneval_task(form, sandbox);
  task.family = "micro-humaneval";
  micro::belongs_to_world(task);
  task.cluster_fact = "composition";
  micro::draws_items(task, [form, shifted](const micro::ItemSet& items) { return functions(form, items, shifted); });
  book.tasks.add(name, std::move(task));
}

}  // namespace

namespace plugins {

void micro_humaneval(TaskBook& book) {
  const auto sandbox = std::make_shared<LazySandbox>();
  add_humaneval(book, "micro-humaneval", "small Python functions of the micro world, run against tests", false,
                sandbox);
  add_humaneval(book, "micro-humaneval-ood", "Python functions with other names, larger numbers, more steps", true,
                sandbox);
}

}  // namespace plugins
}  // namespace touchstone
