#include <algorithm>
#include <set>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/one_line.hpp"
#include "harness/base/text.hpp"
#include "tasks/parts/filters.hpp"
#include "tasks/parts/overlap.hpp"
#include "tasks/parts/picture_file.hpp"
#include "tasks/parts/rows.hpp"

namespace touchstone {
namespace {

constexpr const char* opencqa_name = "opencqa";
constexpr int opencqa_longest = 256;
constexpr double alike = 0.5;  ///< ROUGE-L from which an answer counts as right, where only right and wrong are shown

std::vector<DataFile> opencqa_files() {
  std::vector<DataFile> all;
  for (const auto& [split, name] :
       {std::pair{Split::test, "test"}, {Split::validation, "val"}, {Split::train, "train"}}) {
    const auto file = std::string(name) + ".json";
    all.push_back(
        {.split = split,
         .paths = {"opencqa_charts/" + file, "opencqa_charts/" + file + ".gz", "opencqa/" + file, "etc/data/" + file},
         .sha256 = {},
         .licence = "GPL-3.0; the pictures are by Pew Research Center",
         .origin = "vis-nlp/OpenCQA, etc/data/" + file + "; its pictures in the folder chart_images or " + name +
                   " beside it"});
  }
  return all;
}

/// The folder with a split's pictures: the split's own, or the one of the whole data set.
std::filesystem::path pictures_of(const std::filesystem::path& file, Split split) {
  const auto name = split == Split::validation ? "val" : split_name(split);
  for (const auto& folder :
       {file.parent_path() / name, file.parent_path() / "chart_images", file.parent_path() / "../../chart_images"}) {
    if (std::filesystem::is_directory(folder)) return folder;
  }
  throw Error(Fault::data, file.string() + ": its charts' pictures are missing, expected a folder '" + name +
                               "' or 'chart_images' beside it");
}

/// The charts whose pictures this copy of the data set has, by its list charts.jsonl; without that list, all charts.
std::set<std::string> listed_charts(const std::filesystem::path& folder) {
  std::set<std::string> listed;
  const auto list = folder / "charts.jsonl";
  if (!std::filesystem::is_regular_file(list)) return listed;
  for (const auto& row : read_rows(list)) listed.insert(row.text("file"));
  return listed;
}

/// One chart: [picture, title, text beside it, question, abstractive answer, extractive answer].
std::vector<std::string> fields_of(const Json& value, const std::string& where) {
  const auto right = value.is_array() && value.size() >= 5 &&
                     std::all_of(value.begin(), value.end(), [](const Json& field) { return field.is_string(); });
  require(right, Fault::data, [&] {
    return where + ": found " + one_line(value.dump(), 80) +
           ", expected [picture, title, text, question, answer, extracted answer], six texts";
  });
  return value.get<std::vector<std::string>>();
}

std::vector<Example> load_opencqa(Split split, const DataFolders& folders) {
  const auto path = folders.find(opencqa_name, file_of(opencqa_name, opencqa_files(), split));
  const auto charts = read_json(path);
  require(charts.is_object(), Fault::data, [&] {
    return path.string() + ": found " + shown_json(charts) + ", expected an object with a key for each chart";
  });
  const auto folder = pictures_of(path, split);
  const auto listed = listed_charts(path.parent_path());
  std::vector<Example> examples;
  for (const auto& [key, value] : charts.items()) {
    const auto where = path.string() + ": chart '" + key + "'";
    const auto fields = fields_of(value, where);
    const auto& picture = fields[0];
    if (!listed.empty() && !listed.contains(folder.filename().string() + "/" + picture)) continue;
    Example example;
    example.id = std::string(opencqa_name) + "/" + split_name(split) + "/" + key;
    example.question = "Title: " + fields[1] + "\nQuestion: " + fields[3] + "\nAnswer:";
    example.targets = {fields[4]};
    example.media = {read_named_picture(folder, picture, where)};
    example.facts = {{"summary", fields[2]}};
    example.doc_hash = document_hash(value);
    examples.push_back(std::move(example));
  }
  require(!examples.empty(), Fault::data, [&] { return path.string() + ": found no chart, expected at least one"; });
  return examples;
}

/// Overlap with the written answer, each in [0, 1]; an answer with half the words in the right order counts as right.
Verdict judge_opencqa(const Example& example, const Response& response) {
  const auto text = std::string(strip(first_text(response)));
  const auto words = rouge(text, example.targets.front());
  Verdict verdict;
  verdict.extracted = text;
  verdict.parsed = !text.empty();
  verdict.score = words.rouge_lsum / 100.0;
  verdict.correct = verdict.score >= alike;
  verdict.values = {{"rougeL,none", verdict.score},
                    {"rouge1,none", words.rouge1 / 100.0},
                    {"rouge2,none", words.rouge2 / 100.0},
                    {"bleu,none", sentence_bleu(text, example.targets.front()) / 100.0}};
  verdict.confidence = answer_confidence(response);
  return verdict;
}

}  // namespace

namespace plugins {

void opencqa(TaskBook& book) {
  Task task;
  task.name = opencqa_name;
  task.family = opencqa_name;
  task.version = "1.0";
  task.summary = "open questions on real charts, answered in sentences (ROUGE, BLEU)";
  task.source = "OpenCQA: Open-ended Question Answering with Charts, arXiv 2210.06628";
  task.format.shots_fixed = true;  // a request brings only the pictures of its own example
  for (const char* name : {"rougeL,none", "rouge1,none", "rouge2,none", "bleu,none"}) {
    task.metrics.push_back({.name = name});
  }
  task.files = opencqa_files();
  task.load = load_opencqa;
  task.ask = [](const Example& example, const std::string& context, const AskSettings&) -> std::vector<Request> {
    return {
        Generation{.context = context, .media = example.media, .max_new_tokens = opencqa_longest, .until = {"\n\n"}}};
  };
  task.judge = [](const Example& example, std::span<const Response> responses, const AskSettings&) {
    return judge_opencqa(example, responses.front());
  };
  book.tasks.add(opencqa_name, std::move(task));
}

}  // namespace plugins
}  // namespace touchstone
