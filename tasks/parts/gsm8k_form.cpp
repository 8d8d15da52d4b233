#include "tasks/parts/gsm8k_form.hpp"

#include <memory>

#include "harness/base/text.hpp"

namespace touchstone {
namespace {

/// What follows the last "####", stripped.
std::string final_number(const std::string& answer) {
  const auto mark = answer.rfind("####");
  return std::string(strip(mark == std::string::npos ? answer : answer.substr(mark + 4)));
}

/// Reads numbers out of responses and compares them with the target.
class Judge {
 public:
  explicit Judge(const Gsm8kForm& form)
      : strict_(form.strict, form.strict_pick),
        strict_fixed_(form.strict_fixed, form.strict_pick),
        last_number_(kGsm8kNumber, Pick::last),
        marked_(R"(#### (\-?[0-9\.\,]+))"),
        equal_({.ignored_patterns = {",", R"(\$)", "(?s).*#### ", R"(\.$)"}, .ignore_case = true}) {}

  Verdict operator()(const Example& example, const Response& response, Mode mode) const {
    const auto text = first_text(response);
    const auto& target = example.targets.front();
    const auto strict = mode == Mode::fixed ? strict_fixed_(text) : strict_(text);
    const auto flexible = last_number_(text);
    Verdict verdict;
    verdict.values["exact_match,strict-match"] = equal_(strict, target) ? 1.0 : 0.0;
    verdict.values["exact_match,flexible-extract"] = equal_(flexible, target) ? 1.0 : 0.0;
    if (mode == Mode::fixed) {
      // Text that runs on after the answer makes the last number a wrong one, so the first marked number goes first.
      const auto marked = marked_(text);
      const auto& read = marked == kInvalid ? (strict == kInvalid ? flexible : strict) : marked;
      verdict.values["exact_match,marked-or-last"] = equal_(read, target) ? 1.0 : 0.0;
    }
    verdict.score = verdict.values["exact_match,strict-match"];
    verdict.correct = verdict.score == 1.0;
    verdict.parsed = strict != kInvalid;
    verdict.extracted = verdict.parsed ? strict : flexible;
    if (!verdict.parsed) verdict.detail = "no answer in the form asked for; the last number was read instead";
    verdict.confidence = answer_confidence(response);
    return verdict;
  }

 private:
  RegexFilter strict_;
  RegexFilter strict_fixed_;
  RegexFilter last_number_;
  RegexFilter marked_;
  ExactMatch equal_;
};

}  // namespace

Gsm8kForm gsm8k_form(const std::string& name, const std::string& summary, const std::string& version) {
  return {.name = name,
          .summary = summary,
          .version = version,
          .before = "Question: ",
          .after = "\nAnswer:",
          .until = {"Question:", "</s>", "<|im_end|>"},
          .strict = R"(#### (\-?[0-9\.\,]+))",
          .strict_fixed = R"(#### (\-?[0-9\.\,]+))",
          .shots = 5,
          .conclusion = {}};
}

Example gsm8k_example(const Gsm8kForm& form, const DataRow& row, const std::string& id) {
  const auto& question = row.text("question");
  const auto& answer = row.text("answer");
  Example example;
  example.id = id;
  example.question = form.before + question + form.after;
  example.targets = {form.whole_target ? answer : final_number(answer)};
  example.facts = {{"question", question}, {"answer", answer}, {"number", final_number(answer)}};
  example.doc_hash = document_hash(row.value);
  return example;
}

Task gsm8k_task(const Gsm8kForm& form) {
  Task task;
  task.name = form.name;
  task.version = form.version;
  task.summary = form.summary;
  task.format.target_delimiter = form.target_delimiter;
  task.format.shots = form.shots;
  task.format.shots_fixed = form.shots_fixed;
  if (form.conclusion.empty()) task.format.shots_from = Split::train;
  for (const char* name : {"exact_match,strict-match", "exact_match,flexible-extract", "exact_match,marked-or-last"}) {
    task.metrics.push_back({.name = name});
  }
  task.ask = [until = form.until](const Example&, const std::string& context,
                                  const AskSettings&) -> std::vector<Request> {
    return {Generation{.context = context, .images = {}, .until = until}};
  };
  task.judge = [judge = std::make_shared<const Judge>(form)](
                   const Example& example, std::span<const Response> responses, const AskSettings& settings) {
    return (*judge)(example, responses.front(), settings.mode);
  };
  return task;
}

}  // namespace touchstone
