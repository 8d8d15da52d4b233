#include "tasks/micro/functions.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "harness/base/text.hpp"
#include "tasks/micro/function_steps.hpp"

namespace touchstone::micro {
namespace {

constexpr std::array<std::string_view, 10> banana_words = {"banana", "cabbage", "added", "decade", "bead",
                                                           "accede", "facade",  "beef",  "dabbed", "edge"};
constexpr std::array<std::string_view, 10> unseen_words = {"puzzle", "mammoth", "kettle", "zipper", "noodle",
                                                           "muppet", "lolly",   "pepper", "tattoo", "yellow"};
constexpr std::size_t tests = 5;

/// The words for a range's names and values.
struct Manner {
  std::string_view function = "solve";
  std::string_view numbers = "xs";
  std::string_view text = "s";
  std::string_view first_letters = "abcde";
  std::string_view other_letters = "fgxyz";
  int k_first = 2;
  int k_last = 5;
  int number_last = 9;
  int length_last = 6;
  const std::array<std::string_view, 10>* words = &banana_words;
};

Manner manner_of(const FunctionRange& range) {
  Manner manner;
  if (range.new_names) {
    manner.function = "compute";
    manner.numbers = "values";
    manner.text = "word";
  }
  if (range.new_values) {
    manner.first_letters = "ptmle";
    manner.other_letters = "hijkq";
    manner.k_first = 6;
    manner.k_last = 9;
    manner.number_last = 40;
    manner.length_last = 12;
    manner.words = &unseen_words;
  }
  return manner;
}

void draw_input(Numbers& value, const Manner& manner, Draws& draws) {
  value.clear();
  for (int left = between(4, manner.length_last, draws); left > 0; --left) {
    value.push_back(between(1, manner.number_last, draws));
  }
}

void draw_input(std::string& value, const Manner& manner, Draws& draws) { value = pick(*manner.words, draws); }

std::string_view variable(const Numbers& /*type*/, const Manner& manner) { return manner.numbers; }
std::string_view variable(const std::string& /*type*/, const Manner& manner) { return manner.text; }

Constants draw_constants(const Manner& manner, Draws& draws) {
  return {.k = between(manner.k_first, manner.k_last, draws),
          .c = pick(manner.first_letters, draws),
          .d = pick(manner.other_letters, draws)};
}

std::string with_constants(std::string_view pattern, const Constants& constants, std::string_view name) {
  return fill(pattern,
              {{"v", name}, {"k", std::to_string(constants.k)}, {"c", {&constants.c, 1}}, {"d", {&constants.d, 1}}});
}

/// A step with its constants.
template <class Value>
struct Drawn {
  const Step<Value>* step = nullptr;
  Constants constants;
};

/// Different steps; at least one is new, or none is.
template <class Value>
std::vector<Drawn<Value>> draw_steps(const Steps<Value>& all, const FunctionRange& range, const Manner& manner,
                                     bool new_operation, Draws& draws) {
  std::vector<Drawn<Value>> drawn;
  const auto count = static_cast<std::size_t>(between(range.steps_first, range.steps_last, draws));
  const auto new_at = draws.below(count);
  std::set<const Step<Value>*> seen;
  while (drawn.size() < count) {
    const bool fresh = new_operation && drawn.size() == new_at;
    const auto usable = new_operation ? all.steps.size() : all.known;
    const auto& step = all.steps[fresh ? all.known + draws.below(all.steps.size() - all.known) : draws.below(usable)];
    if (!seen.insert(&step).second) continue;
    drawn.push_back({&step, draw_constants(manner, draws)});
    auto& k = drawn.back().constants.k;
    k = std::max(k, step.k_least);
  }
  return drawn;
}

/// Inputs and results of a function.
template <class Value>
struct Runs {
  std::vector<std::string> inputs;
  std::vector<std::string> results;
};

/// None when fewer than three results differ, because such tests would tell little.
template <class Value>
std::optional<Runs<Value>> run(const std::vector<Drawn<Value>>& steps, const Last<Value>& last,
                               const Constants& constants, const Manner& manner, Draws& draws) {
  Runs<Value> runs;
  std::set<std::string> seen;
  std::set<std::string> different;
  for (int tries = 0; runs.inputs.size() < tests + 1; ++tries) {
    if (tries == 40) return std::nullopt;
    Value value;
    draw_input(value, manner, draws);
    if (!seen.insert(printed(value)).second) continue;
    runs.inputs.push_back(printed(value));
    for (const auto& step : steps) step.step->apply(value, step.constants);
    runs.results.push_back(last.result(value, constants));
    different.insert(runs.results.back());
  }
  if (different.size() < 3) return std::nullopt;
  return runs;
}

std::string sentence(std::vector<std::string> parts) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
  }
  text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text + ".";
}

template <class Value>
std::optional<Function> try_function(const Steps<Value>& all, const FunctionRange& range, bool new_operation,
                                     Draws& draws) {
  const auto manner = manner_of(range);
  const auto name = variable(Value(), manner);
  const auto steps = draw_steps(all, range, manner, new_operation, draws);
  const auto& last = pick(all.lasts, draws);
  const auto constants = draw_constants(manner, draws);
  const auto runs = run(steps, last, constants, manner, draws);
  if (!runs) return std::nullopt;
  Function function{.name = std::string(manner.function),
                    .prompt = {},
                    .solution = {},
                    .test = {},
                    .composition = std::string(name == manner.text ? "text" : "numbers"),
                    .steps = static_cast<int>(steps.size()),
                    .new_operation = new_operation};
  std::vector<std::string> parts;
  for (const auto& [step, its_constants] : steps) {
    const auto wordings = step->wordings[1].empty() ? 1U : 2U;
    parts.push_back(with_constants(step->wordings[draws.below(wordings)], its_constants, name));
    function.solution += "    " + with_constants(step->code, its_constants, name) + "\n";
    function.composition += "|" + std::string(step->name);
  }
  parts.push_back(with_constants(last.wording, constants, name));
  function.solution += "    " + with_constants(last.code, constants, name) + "\n";
  function.composition += "|" + std::string(last.name);
  function.prompt = "def " + function.name + "(" + std::string(name) + "):\n    \"\"\"" + sentence(parts);
  if (chance(50, draws)) {
    function.prompt +=
        "\n    >>> " + function.name + "(" + runs->inputs[tests] + ")\n    " + runs->results[tests] + "\n    ";
  }
  function.prompt += "\"\"\"\n";
  function.test = "def check(candidate):\n";
  for (std::size_t i = 0; i < tests; ++i) {
    function.test += "    assert candidate(" + runs->inputs[i] + ") == " + runs->results[i] + "\n";
  }
  return function;
}

}  // namespace

Function draw_function(const FunctionRange& range, bool new_operation, Draws& draws) {
  while (true) {
    auto function = chance(60, draws) ? try_function(number_steps(), range, new_operation, draws)
                                      : try_function(text_steps(), range, new_operation, draws);
    if (function) return *std::move(function);
  }
}

Function draw_function(const FunctionRange& range, bool new_operation, Part part, Draws& draws) {
  while (true) {
    auto function = draw_function(range, new_operation, draws);
    if (function.part() == part) return function;
  }
}

std::string functions(Draws& draws) {
  std::string text;
  for (int left = between(1, 2, draws); left > 0; --left) {
    const auto function = draw_function({}, false, Part::corpus, draws);
    text += (text.empty() ? "" : "\n") + function.prompt + function.solution;
  }
  return text;
}

std::string function_results(Draws& draws) {
  constexpr std::string_view call = "    assert candidate";
  const auto function = draw_function({}, false, Part::corpus, draws);
  auto text = function.prompt;
  for (const auto& line : split(function.test, '\n')) {
    if (!line.starts_with(call)) continue;
    const auto equal = line.find(" == ");
    text += "\n" + function.name + line.substr(call.size(), equal - call.size()) + " gives " + line.substr(equal + 4);
  }
  return text;
}

}  // namespace touchstone::micro
