#include "tasks/parts/gsm8k_form.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include "harness/base/text.hpp"

namespace touchstone {
namespace {

/// The text after the last "####", stripped.
std::string final_number(const std::string& answer) {
  const auto mark = answer.rfind("####");
  return std::string(strip(mark == std::string::npos ? answer : answer.substr(mark + 4)));
}

/// "$1,029.00" as "1029", a unique form for each number; none for a text that is no number.
std::optional<std::string> plain_number(const std::string& text) {
  std::string digits;
  for (const char c : strip(text)) {
    if (c != '$' && c != ',') digits += c;
  }
  const bool negative = digits.starts_with('-');
  if (negative) digits.erase(0, 1);
  if (digits.ends_with('.')) digits.pop_back();
  const auto point = digits.find('.');
  auto whole = digits.substr(0, point);
  auto fraction = point == std::string::npos ? std::string() : digits.substr(point + 1);
  const bool any = !whole.empty() || !fraction.empty();
  if (!any || (whole + fraction).find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  fraction.resize(fraction.find_last_not_of('0') + 1);
  if (whole.empty()) whole = "0";
  const auto number = whole + (fraction.empty() ? "" : "." + fraction);
  return negative && number != "0" ? "-" + number : number;
}

/// Reads numbers out of responses and compares them with the target.
class Judge {
 public:
  explicit Judge(const Gsm8kForm& form)
      : strict_(form.strict, form.strict_pick),
        strict_fixed_(form.strict_fixed, form.strict_pick),
        last_number_(gsm8k_number, Pick::last),
        marked_(R"(#### (\-?[0-9\.\,]+))"),
        equal_({.ignored_patterns = {",", R"(\$)", "(?s).*#### ", R"(\.$)"}, .ignore_case = true}) {}

  Verdict operator()(const Example& example, const Response& response, Mode mode) const {
    const auto text = first_text(response);
    const auto& target = example.targets.front();
    const auto strict = mode == Mode::fixed ? strict_fixed_(text) : strict_(text);
    const auto flexible = last_number_(text);
    // The reference compares texts; here 29.00 equals 29.
    const auto is_right = [&](const std::string& read) {
      if (equal_(read, target)) return true;
      const auto wanted = mode == Mode::fixed ? plain_number(final_number(target)) : std::nullopt;
      return wanted.has_value() && plain_number(read) == wanted;
    };
    Verdict verdict;
    verdict.values["exact_match,strict-match"] = is_right(strict) ? 1.0 : 0.0;
    verdict.values["exact_match,flexible-extract"] = is_right(flexible) ? 1.0 : 0.0;
    if (mode == Mode::fixed) {
      // If the response runs on after the answer, its last number is wrong. So the first marked number comes first.
      const auto marked = marked_(text);
      const auto& read = marked == invalid ? (strict == invalid ? flexible : strict) : marked;
      verdict.values["exact_match,marked-or-last"] = is_right(read) ? 1.0 : 0.0;
    }
    verdict.score = verdict.values["exact_match,strict-match"];
    verdict.correct = verdict.score == 1.0;
    verdict.parsed = strict != invalid;
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
    return {Generation{.context = context, .until = until}};
  };
  task.judge = [judge = std::make_shared<const Judge>(form)](
                   const Example& example, std::span<const Response> responses, const AskSettings& settings) {
    return (*judge)(example, responses.front(), settings.mode);
  };
  return task;
}

}  // namespace touchstone
