#include <algorithm>
#include <cctype>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/text.hpp"
#include "tasks/parts/filters.hpp"
#include "tasks/parts/line_answer.hpp"
#include "tasks/parts/rows.hpp"

namespace touchstone {
namespace {

constexpr const char* tabmwp_name = "tabmwp";
constexpr int tabmwp_longest = 64;  ///< tokens of an answer

std::vector<DataFile> tabmwp_files() {
  const auto file = [](Split split, const std::string& name) {
    return DataFile{.split = split,
                    .paths = {"tabmwp/" + name + ".json.gz", "tabmwp/" + name + ".json"},
                    .sha256 = {},
                    .licence = "CC BY-NC-SA 4.0",
                    .origin = "lupantech/PromptPG, data/tabmwp/" + name + ".json"};
  };
  return {file(Split::test, "problems_test1k"), file(Split::validation, "problems_dev1k")};
}

/// Text under a key that may be null.
std::string text_or_none(const DataRow& row, const std::string& key) {
  return row.at(key).is_null() ? "" : row.text(key);
}

/// The paper's prompt form "TQ-A": table, question with its unit, options.
Example problem(const DataRow& row, const std::string& id) {
  const auto title = text_or_none(row, "table_title");
  const auto unit = text_or_none(row, "unit");
  const auto& answer = row.text("answer");
  Example example;
  example.id = id;
  example.question = "Table: " + (title.empty() ? "" : "[TITLE]: " + title + "\n") + row.text("table") +
                     "\n\nQuestion: " + row.text("question") + (unit.empty() ? "" : " (Unit: " + unit + ")");
  std::string options;
  if (!row.at("choices").is_null()) {
    char letter = 'A';
    for (const auto& choice : row.texts("choices")) options += std::string(" (") + letter++ + ") " + choice;
    example.question += "\n\nOptions:" + options;
  }
  example.question += "\n\nAnswer: The answer is";
  example.targets = {answer + "."};
  example.facts = {{"answer", answer},
                   {"question_type", row.text("ques_type")},
                   {"answer_type", row.text("ans_type")},
                   {"level", std::to_string(row.integer("grade"))}};
  example.doc_hash = document_hash(row.value);
  return example;
}

std::vector<Example> load_tabmwp(Split split, const DataFolders& folders) {
  const auto path = folders.find(tabmwp_name, file_of(tabmwp_name, tabmwp_files(), split));
  const auto all = parse_json(read_text_file(path, RowLimits().file_bytes), path.string());
  require(all.is_object(), Fault::data, [&] {
    return path.string() + ": found " + shown_json(all) + ", expected an object with a problem under each number";
  });
  std::vector<Example> examples;
  for (const auto& [number, value] : all.items()) {
    const DataRow row{.value = value, .where = path.string() + ": problem '" + number + "'"};
    require(value.is_object(), Fault::data,
            [&] { return row.where + ": found " + shown_json(row.value) + ", expected an object"; });
    examples.push_back(problem(row, std::string(tabmwp_name) + "/" + split_name(split) + "/" + number));
  }
  return examples;
}

/// Lower case; without a final full stop, commas in numbers, dollar signs, and digits that do not change a value.
std::string normal(std::string_view text) {
  text = strip(text.substr(0, text.find('\n')));
  while (!text.empty() && text.back() == '.') text.remove_suffix(1);
  std::string out;
  for (const char c : text) {
    if (c != ',' && c != '$') out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  const bool number = !out.empty() && out.find_first_not_of("0123456789.-") == std::string::npos;
  if (number && out.find('.') != std::string::npos) {
    out.erase(out.find_last_not_of('0') + 1);
    if (out.ends_with(".")) out.pop_back();
  }
  return out;
}

Verdict judge_tabmwp(const Example& example, const Response& response) {
  Verdict verdict;
  verdict.extracted = normal(first_text(response));
  verdict.correct = verdict.extracted == normal(example.facts.at("answer"));
  verdict.score = verdict.correct ? 1.0 : 0.0;
  verdict.values = {{"acc,none", verdict.score}};
  verdict.parsed = !verdict.extracted.empty();
  verdict.confidence = answer_confidence(response);
  return verdict;
}

}  // namespace

namespace plugins {

void tabmwp(TaskBook& book) {
  Task task;
  task.name = tabmwp_name;
  task.family = tabmwp_name;
  task.version = "1.0";
  task.summary = "word problems over tables, numbers or options";
  task.source =
      "Dynamic Prompt Learning via Policy Gradient for Semi-structured Mathematical Reasoning, arXiv 2209.14610";
  task.trained = Split::validation;
  task.format.shots_from = Split::validation;
  task.metrics = {{.name = "acc,none"}};
  task.files = tabmwp_files();
  task.load = load_tabmwp;
  asks_for_a_line(task, tabmwp_longest, judge_tabmwp);
  book.tasks.add(tabmwp_name, std::move(task));
}

}  // namespace plugins
}  // namespace touchstone
