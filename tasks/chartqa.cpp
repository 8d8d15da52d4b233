#include <algorithm>
#include <cctype>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "tasks/parts/filters.hpp"
#include "tasks/parts/picture_file.hpp"
#include "tasks/parts/relaxed.hpp"
#include "tasks/parts/rows.hpp"

namespace touchstone {
namespace {

constexpr const char* kName = "chartqa";
constexpr int kLongest = 512;

/// What the reference asks (lm-evaluation-harness, task chartqa).
constexpr const char* kInstruction =
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

std::vector<DataFile> files() {
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

std::vector<Example> load(Split split, const DataFolders& folders) {
  std::vector<Example> examples;
  for (const auto& file : files()) {
    if (file.split != split) continue;
    const auto path = folders.find(kName, file);
    for (const auto& row : read_rows(path)) {
      Example example;
      example.id = std::string(kName) + "/" + split_name(split) + "/" + std::to_string(examples.size());
      example.question = row.text("query") + kInstruction;
      example.targets = {row.text("label")};
      example.images = {read_named_picture(path.parent_path() / "png", row.text("imgname"), row.where)};
      example.facts = {{"kind", path.stem().string().ends_with("human") ? "human" : "augmented"}};
      example.doc_hash = document_hash(row.value);
      examples.push_back(std::move(example));
    }
  }
  return examples;
}

/// The first line with something in it behind the last "answer:", without Markdown; empty when there is none.
std::string final_answer(std::string text) {
  for (const char* bold : {"**:**", "**:", ":**"}) {
    text = replace_all(replace_all(text, std::string("nswer") + bold, "nswer:"), std::string("NSWER") + bold, "NSWER:");
  }
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto mark = lower.rfind("answer:");
  if (mark == std::string::npos) return {};
  for (const auto& line : split(std::string_view(text).substr(mark + 7), '\n')) {
    auto answer = std::string(strip(line));
    if (answer.empty()) continue;
    std::erase_if(answer, [](char c) { return std::string_view("*_[]()").find(c) != std::string_view::npos; });
    return answer;
  }
  return {};
}

Verdict judge(const Example& example, const Response& response) {
  Verdict verdict;
  verdict.extracted = final_answer(std::string(first_text(response)));
  verdict.parsed = !verdict.extracted.empty();
  verdict.correct = verdict.parsed && relaxed_equal(verdict.extracted, example.targets.front());
  verdict.score = verdict.correct ? 1.0 : 0.0;
  verdict.values = {{"relaxed_accuracy,none", verdict.score}};
  verdict.confidence = answer_confidence(response);
  return verdict;
}

}  // namespace

namespace plugins {

void chartqa(TaskBook& book) {
  Task task;
  task.name = kName;
  task.version = "0.0";
  task.summary = "questions on real charts, 5 % tolerance on numbers";
  task.source = "ChartQA: A Benchmark for Question Answering about Charts, arXiv 2203.10244";
  task.format.shots_fixed = true;  // a request brings the pictures of its own example alone
  task.metrics = {{.name = "relaxed_accuracy,none", .aggregate = {}}};
  task.files = files();
  task.load = load;
  task.ask = [](const Example& example, const std::string& context, const AskSettings&) -> std::vector<Request> {
    return {Generation{.context = context, .images = example.images, .max_new_tokens = kLongest, .until = {}}};
  };
  task.judge = [](const Example& example, std::span<const Response> responses, const AskSettings&) {
    return judge(example, responses.front());
  };
  book.tasks.add(kName, std::move(task));
}

}  // namespace plugins
}  // namespace touchstone
