#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "tasks/parts/filters.hpp"
#include "tasks/parts/picture_file.hpp"
#include "tasks/parts/relaxed.hpp"
#include "tasks/parts/rows.hpp"

namespace touchstone {
namespace {

constexpr const char* chartqa_name = "chartqa";
constexpr int chartqa_longest = 512;

/// The prompt of the reference (lm-evaluation-harness, task chartqa).
constexpr const char* instruction =
    "\nAnalyze the image and question carefully, using step-by-step reasoning.\n"
    "First, describe any image provided in detail. Then, present your reasoning. And finally your final answer in this "
    "format:\n"
    "Final Answer: <answer>\n"
    "where <answer> follows the following instructions:\n"
    "- <answer> should should be a single phrase or number.\n"
    "- <answer> should not paraphrase or reformat the text in the image.\n"
    "- If <answer> is a ratio, it should be a decimal value like 0.25 instead of 1:4.\n"
    "- If the question is a Yes/No question, <answer> should be Yes/No.\n"
    "- If <answer> is a number, it should not contain any units.\n"
    "- If <answer> is a percentage, it should include a % sign.\n"
    "- If <answer> is an entity, it should include the full label from the graph.\n"
    "IMPORTANT: Remember, to end your answer with Final Answer: <answer>.\n";

std::vector<DataFile> chartqa_files() {
  std::vector<DataFile> all;
  for (const auto& [split, name] :
       {std::pair{Split::test, "test"}, {Split::validation, "val"}, {Split::train, "train"}}) {
    for (const char* kind : {"human", "augmented"}) {
      const auto path = std::string(name) + "/" + name + "_" + kind + ".json";
      all.push_back({.split = split,
                     .paths = {"ChartQA Dataset/" + path, "chartqa/" + path},
                     .sha256 = {},
                     .licence = "GPL-3.0",
                     .origin = "vis-nlp/ChartQA, ChartQA Dataset/" + path + " with the folder png beside it"});
    }
  }
  return all;
}

std::vector<Example> load_chartqa(Split split, const DataFolders& folders) {
  std::vector<Example> examples;
  for (const auto& file : chartqa_files()) {
    if (file.split != split) continue;
    const auto path = folders.find(chartqa_name, file);
    for (const auto& row : read_rows(path)) {
      Example example;
      example.id = std::string(chartqa_name) + "/" + split_name(split) + "/" + std::to_string(examples.size());
      example.question = row.text("query") + instruction;
      example.targets = {row.text("label")};
      example.media = {read_named_picture(path.parent_path() / "png", row.text("imgname"), row.where)};
      example.facts = {{"kind", path.stem().string().ends_with("human") ? "human" : "augmented"}};
      example.doc_hash = document_hash(row.value);
      examples.push_back(std::move(example));
    }
  }
  return examples;
}

/// The first nonempty line after the last "answer:", without Markdown; empty when there is none.
std::string final_answer(std::string text) {
  for (const char* bold : {"**:**", "**:", ":**"}) {
    text = replace_all(replace_all(text, std::string("nswer") + bold, "nswer:"), std::string("NSWER") + bold, "NSWER:");
  }
  constexpr std::string_view mark = "answer:";
  const auto found = std::find_end(text.begin(), text.end(), mark.begin(), mark.end(),
                                   [](unsigned char c, char wanted) { return std::tolower(c) == wanted; });
  if (found == text.end()) return {};
  for (const auto& line : split(std::string_view(found, text.end()).substr(mark.size()), '\n')) {
    auto answer = std::string(strip(line));
    if (answer.empty()) continue;
    std::erase_if(answer, [](char c) { return std::string_view("*_[]()").find(c) != std::string_view::npos; });
    return answer;
  }
  return {};
}

/// The reference's exact_match: "Final Answer: " on the very last line, equal apart from case and one full stop.
bool last_line_equals(std::string_view text, std::string_view gold) {
  constexpr std::string_view mark = "final answer: ";
  if (text.ends_with('\n')) text.remove_suffix(1);
  const auto line = lower(text.substr(text.rfind('\n') + 1));
  const auto at = line.find(mark);
  if (at == std::string::npos || at + mark.size() == line.size()) return false;
  auto answer = strip(std::string_view(line).substr(at + mark.size()));
  if (answer.ends_with('.')) answer.remove_suffix(1);
  return answer == lower(strip(gold));
}

/// A number as Python writes it, with commas between thousands.
std::string with_commas(std::string number) {
  auto end = std::min(number.find('.'), number.size());
  const std::size_t begin = number.starts_with('-') ? 1 : 0;
  while (end > begin + 3) number.insert(end -= 3, ",");
  return number;
}

/// If no final answer can be read, the reference's anywhere_accuracy looks for the gold answer in the whole text: a
/// number as it is or with commas, words after "is", "was", "are", before a full stop or on a line of their own.
bool mentions(std::string_view text, const std::string& gold) {
  const auto digits = std::string(strip(gold));
  double number = 0.0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (failed == std::errc() && end == digits.data() + digits.size() && std::isfinite(number)) {
    const auto whole = std::trunc(number) == number;
    const auto written = whole ? fmt::format("{:.0f}", number) : fmt::format("{}", number);
    return text.find(written) != std::string_view::npos || text.find(with_commas(written)) != std::string_view::npos;
  }
  for (const auto& form : {"is " + gold, "was " + gold, " " + gold + ".", "are " + gold, "\n\n" + gold}) {
    if (text.find(lower(form)) != std::string_view::npos) return true;
  }
  return false;
}

Verdict judge_chartqa(const Example& example, const Response& response) {
  const auto text = std::string(first_text(response));
  const auto& gold = example.targets.front();
  Verdict verdict;
  verdict.extracted = final_answer(text);
  verdict.parsed = !verdict.extracted.empty();
  verdict.correct = verdict.parsed && relaxed_equal(verdict.extracted, gold);
  verdict.score = verdict.correct ? 1.0 : 0.0;
  verdict.values = {{"relaxed_accuracy,none", verdict.score},
                    {"exact_match,none", last_line_equals(text, gold) ? 1.0 : 0.0},
                    {"anywhere_accuracy,none", (verdict.parsed ? verdict.correct : mentions(text, gold)) ? 1.0 : 0.0}};
  verdict.confidence = answer_confidence(response);
  return verdict;
}

}  // namespace

namespace plugins {

void chartqa(TaskBook& book) {
  Task task;
  task.name = chartqa_name;
  task.family = chartqa_name;
  task.version = "0.0";
  task.summary = "questions on real charts, 5 % tolerance on numbers";
  task.source = "ChartQA: A Benchmark for Question Answering about Charts, arXiv 2203.10244";
  task.format.shots_fixed = true;  // a request brings only the pictures of its own example
  task.metrics = {{.name = "relaxed_accuracy,none"}, {.name = "exact_match,none"}, {.name = "anywhere_accuracy,none"}};
  task.files = chartqa_files();
  task.load = load_chartqa;
  task.ask = [](const Example& example, const std::string& context, const AskSettings&) -> std::vector<Request> {
    return {Generation{.context = context, .media = example.media, .max_new_tokens = chartqa_longest}};
  };
  task.judge = [](const Example& example, std::span<const Response> responses, const AskSettings&) {
    return judge_chartqa(example, responses.front());
  };
  book.tasks.add(chartqa_name, std::move(task));
}

}  // namespace plugins
}  // namespace touchstone
