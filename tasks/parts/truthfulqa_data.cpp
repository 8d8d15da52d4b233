#include "tasks/parts/truthfulqa_data.hpp"

#include <algorithm>
#include <array>

#include "harness/base/error.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/text.hpp"
#include "tasks/parts/rows.hpp"

namespace touchstone {
namespace {

constexpr const char* data_licence = "Apache-2.0";
constexpr const char* csv_hash = "967b82fb1fb6274e4971c6c80caa9d04f844c512b1033c146f26c78270cd384b";
constexpr const char* choices_hash = "75b84d5cc8f0e287c055db1857808e734ea53ade8ee68aad2d007f38896330a8";

/// One line of TruthfulQA.csv.
struct CsvItem {
  std::string where;
  std::string type;
  std::string category;
  std::string question;
  std::string best;
  std::vector<std::string> correct;
  std::vector<std::string> incorrect;
  std::string source;
};

std::vector<std::string> pieces(const std::string& field) {
  std::vector<std::string> answers;
  for (const auto& piece : split(field, ';')) {
    if (const auto answer = strip(piece); !answer.empty()) answers.emplace_back(answer);
  }
  return answers;
}

std::vector<CsvItem> csv_items(const std::filesystem::path& path) {
  constexpr std::array csv_columns = {
      "Type", "Category", "Question", "Best Answer", "Correct Answers", "Incorrect Answers", "Source"};
  const auto rows = read_csv(path);
  require(!rows.empty(), Fault::data, [&] { return path.string() + ": is empty, expected a header line"; });
  std::array<std::size_t, csv_columns.size()> column{};
  const auto& header = rows.front().fields;
  for (std::size_t i = 0; i < csv_columns.size(); ++i) {
    const auto found = std::find(header.begin(), header.end(), csv_columns[i]);
    require(found != header.end(), Fault::data, [&] {
      return path.string() + ": line 1: column '" + csv_columns[i] + "' is missing; there are: " + join(header, ", ");
    });
    column[i] = static_cast<std::size_t>(found - header.begin());
  }
  std::vector<CsvItem> items;
  for (std::size_t row = 1; row < rows.size(); ++row) {
    const auto& fields = rows[row].fields;
    const auto where = path.string() + ": line " + std::to_string(rows[row].line);
    require(fields.size() == header.size(), Fault::data, [&] {
      return where + ": found " + std::to_string(fields.size()) + " columns, expected " +
             std::to_string(header.size()) + ", as in the header";
    });
    items.push_back({.where = where,
                     .type = fields[column[0]],
                     .category = fields[column[1]],
                     .question = fields[column[2]],
                     .best = fields[column[3]],
                     .correct = pieces(fields[column[4]]),
                     .incorrect = pieces(fields[column[5]]),
                     .source = fields[column[6]]});
  }
  return items;
}

/// The right ones first, the rest in their order. At least one must be right; exactly one when `single`.
TruthfulTargets checked(const std::vector<std::pair<std::string, std::int64_t>>& answers, bool single,
                        const std::string& where) {
  TruthfulTargets targets;
  for (const std::int64_t label : {1, 0}) {
    for (const auto& [text, its_label] : answers) {
      require(its_label == 0 || its_label == 1, Fault::data, [&, its_label = its_label] {
        return where + ": found the label " + std::to_string(its_label) + ", expected 0 or 1";
      });
      if (its_label != label) continue;
      targets.choices.push_back(text);
      targets.labels.push_back(static_cast<int>(label));
    }
  }
  const auto right = std::count(targets.labels.begin(), targets.labels.end(), 1);
  require(right >= 1 && (!single || right == 1), Fault::data, [&] {
    return where + ": found " + std::to_string(right) + " true answers, expected " + (single ? "exactly" : "at least") +
           " 1";
  });
  return targets;
}

/// {"choices": [...], "labels": [...]} as the hub has it, or {"answer": label, ...} as mc_task.json has it.
TruthfulTargets targets_of(const DataRow& row, const std::string& key, bool single) {
  const auto& value = row.at(key);
  const DataRow inner{.value = value, .where = row.where + ": " + key};
  require(value.is_object(), Fault::data,
          [&] { return inner.where + ": found " + shown_json(value) + ", expected an object"; });
  std::vector<std::pair<std::string, std::int64_t>> answers;
  if (value.contains("choices") && value.at("choices").is_array()) {
    const auto choices = inner.texts("choices");
    const auto& labels = inner.at("labels");
    require(labels.is_array() && labels.size() == choices.size(), Fault::data, [&] {
      return inner.where + ": key 'labels': found " + shown_json(labels) + ", expected a list of " +
             std::to_string(choices.size()) + ", as 'choices' has";
    });
    for (std::size_t i = 0; i < choices.size(); ++i) {
      require(labels[i].is_number_integer(), Fault::data,
              [&] { return inner.where + ": key 'labels': found " + shown_json(labels[i]) + ", expected 0 or 1"; });
      answers.emplace_back(choices[i], labels[i].get<std::int64_t>());
    }
  } else {
    for (const auto& item : value.items()) answers.emplace_back(item.key(), inner.integer(item.key()));
  }
  return checked(answers, single, inner.where);
}

TruthfulTargets joined(const std::vector<std::string>& right, const std::vector<std::string>& wrong, bool single,
                       const std::string& where) {
  std::vector<std::pair<std::string, std::int64_t>> answers;
  for (const auto& answer : right) answers.emplace_back(answer, 1);
  for (const auto& answer : wrong) answers.emplace_back(answer, 0);
  return checked(answers, single, where);
}

/// Each answer stripped and with a full stop; empty ones are dropped.
std::vector<std::string> with_full_stops(const std::vector<std::string>& answers) {
  std::vector<std::string> formatted;
  for (const auto& answer : answers) {
    const auto text = strip(answer);
    if (!text.empty()) formatted.push_back(std::string(text) + (text.back() == '.' ? "" : "."));
  }
  return formatted;
}

TruthfulQuestion question_of(Json document, const std::vector<std::string>& correct,
                             const std::vector<std::string>& incorrect, const std::string& where) {
  constexpr const char* no_comment = "I have no comment.";
  TruthfulQuestion item;
  item.question = std::string(strip(document.at("question").get<std::string>()));
  if (document.contains("category") && document["category"].is_string()) {
    item.category = document["category"].get<std::string>();
  }
  item.correct = with_full_stops(correct);
  item.incorrect = with_full_stops(incorrect);
  require(!item.incorrect.empty(), Fault::data,
          [&] { return where + ": found no false answer, expected at least one"; });
  if (std::find(item.correct.begin(), item.correct.end(), no_comment) == item.correct.end()) {
    item.correct.emplace_back(no_comment);
  }
  document["question"] = item.question;
  document["correct_answers"] = item.correct;
  document["incorrect_answers"] = item.incorrect;
  item.doc_hash = document_hash(document);
  return item;
}

}  // namespace

TruthfulChoice truthful_choice(std::string question, TruthfulTargets single, TruthfulTargets many) {
  const auto columns = [](const TruthfulTargets& targets) {
    return Json{{"choices", targets.choices}, {"labels", targets.labels}};
  };
  TruthfulChoice choice{.question = std::move(question),
                        .single = std::move(single),
                        .many = std::move(many),
                        .doc_hash = {},
                        .facts = {}};
  choice.doc_hash = document_hash(Json{
      {"question", choice.question}, {"mc1_targets", columns(choice.single)}, {"mc2_targets", columns(choice.many)}});
  return choice;
}

std::vector<DataFile> truthfulqa_choice_files() {
  return {{.split = Split::validation,
           .paths = {"truthfulqa/mc_task.json", "truthfulqa/mc_task.json.gz", "truthfulqa/data/mc_task.json",
                     "truthfulqa/multiple_choice/validation.jsonl", "truthfulqa/multiple_choice/validation.jsonl.gz",
                     "truthfulqa/TruthfulQA.csv"},
           .sha256 = choices_hash,
           .licence = data_licence,
           .origin = "sylinrl/TruthfulQA, data/mc_task.json"}};
}

std::vector<DataFile> truthfulqa_question_files() {
  return {{.split = Split::validation,
           .paths = {"truthfulqa/TruthfulQA.csv", "truthfulqa/TruthfulQA.csv.gz",
                     "truthfulqa/generation/validation.jsonl", "truthfulqa/generation/validation.jsonl.gz"},
           .sha256 = csv_hash,
           .licence = data_licence,
           .origin = "sylinrl/TruthfulQA, TruthfulQA.csv"}};
}

std::vector<TruthfulChoice> truthfulqa_choices(const std::string& task, Split split, const DataFolders& folders) {
  const auto path = folders.find(task, file_of(task, truthfulqa_choice_files(), split));
  std::vector<TruthfulChoice> choices;
  if (is_csv(path)) {
    for (const auto& item : csv_items(path)) {
      choices.push_back(truthful_choice(item.question, joined({item.best}, item.incorrect, true, item.where),
                                        joined(item.correct, item.incorrect, false, item.where)));
    }
    return choices;
  }
  for (const auto& row : read_rows(path)) {
    choices.push_back(truthful_choice(row.text("question"), targets_of(row, "mc1_targets", true),
                                      targets_of(row, "mc2_targets", false)));
  }
  return choices;
}

std::vector<TruthfulQuestion> truthfulqa_questions(const std::string& task, Split split, const DataFolders& folders) {
  const auto path = folders.find(task, file_of(task, truthfulqa_question_files(), split));
  std::vector<TruthfulQuestion> questions;
  if (is_csv(path)) {
    for (const auto& item : csv_items(path)) {
      const Json document = {
          {"type", item.type},        {"category", item.category},       {"question", item.question},
          {"best_answer", item.best}, {"correct_answers", item.correct}, {"incorrect_answers", item.incorrect},
          {"source", item.source}};
      questions.push_back(question_of(document, item.correct, item.incorrect, item.where));
    }
    return questions;
  }
  for (const auto& row : read_rows(path)) {
    row.text("question");  // says what is missing
    questions.push_back(
        question_of(row.value, row.texts("correct_answers"), row.texts("incorrect_answers"), row.where));
  }
  return questions;
}

}  // namespace touchstone
