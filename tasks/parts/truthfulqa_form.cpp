#include "tasks/parts/truthfulqa_form.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "harness/measure/accuracy.hpp"
#include "tasks/parts/multiple_choice.hpp"

namespace touchstone {
namespace {

std::vector<Example> examples_of(const TruthfulForm& form, bool many, Split split,
                                 const std::vector<TruthfulChoice>& choices) {
  std::vector<Example> examples;
  for (const auto& item : choices) {
    const auto& targets = many ? item.many : item.single;
    Example example;
    example.id = form.name + "/" + split_name(split) + "/" + std::to_string(examples.size());
    example.question = form.primer + item.question + "\nA:";
    example.choices = targets.choices;
    for (std::size_t i = 0; i < targets.labels.size(); ++i) {
      if (targets.labels[i] == 1) example.gold.push_back(static_cast<int>(i));
    }
    example.targets = {targets.choices.front()};
    example.facts = item.facts;
    example.facts["question"] = item.question;
    example.doc_hash = item.doc_hash;
    examples.push_back(std::move(example));
  }
  return examples;
}

/// The share of the true answers in the probability of all answers.
double true_mass(std::span<const double> logp, const std::vector<int>& gold) {
  std::vector<double> p(logp.size());
  std::transform(logp.begin(), logp.end(), p.begin(), [](double value) { return std::exp(value); });
  const double sum = numpy_sum(p);
  // The reference divides plain exponentials; so does this, for equal digits. Where all of them underflow it gives nan,
  // but softmax gives the same quantity.
  if (sum < 1e-290) {
    p = softmax(logp);
  } else {
    for (auto& value : p) value /= sum;
  }
  std::vector<double> right;
  for (const int index : gold) right.push_back(p[static_cast<std::size_t>(index)]);
  return numpy_sum(right);
}

}  // namespace

Task truthful_choosing_task(const TruthfulForm& form, bool many,
                            std::function<std::vector<TruthfulChoice>(Split, const DataFolders&)> choices) {
  Task task;
  task.name = form.name;
  task.version = form.version;
  task.summary = form.summary;
  task.format.shots_fixed = true;
  task.metrics = choice_metrics({}, form.chance);
  task.load = [form, many, choices = std::move(choices)](Split split, const DataFolders& folders) {
    return examples_of(form, many, split, choices(split, folders));
  };
  task.ask = [format = task.format](const Example& example, const std::string& context, const AskSettings& settings) {
    return ask_choices(example, context, settings, format, {});
  };
  task.judge = [many](const Example& example, std::span<const Response> responses, const AskSettings&) {
    Verdict verdict = judge_choices(example, responses, {});
    if (many) {
      verdict.score = true_mass(choice_logps(responses, example.choices.size()), example.gold);
      verdict.values["acc,none"] = verdict.score;
    }
    return verdict;
  };
  return task;
}

}  // namespace touchstone
