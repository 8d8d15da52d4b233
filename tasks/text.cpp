#include <cmath>
#include <numbers>

#include "harness/base/error.hpp"
#include "tasks/parts/rows.hpp"

namespace touchstone {
namespace {

constexpr const char* text_name = "text";

std::vector<DataFile> text_files() {
  std::vector<DataFile> all;
  for (const auto split : {Split::test, Split::train}) {
    const auto file = std::string("text/") + split_name(split) + ".jsonl";
    all.push_back({.split = split,
                   .paths = {file, file + ".gz"},
                   .sha256 = {},
                   .licence = "your own",
                   .origin = "documents of your own, one a line: {\"text\": \"...\"}"});
  }
  return all;
}

std::vector<Example> load_text(Split split, const DataFolders& folders) {
  std::vector<Example> examples;
  for (const auto& row : read_rows(folders.find(text_name, file_of(text_name, text_files(), split)))) {
    Example example;
    example.id = std::string(text_name) + "/" + split_name(split) + "/" + std::to_string(examples.size());
    example.targets = {row.text("text")};
    require(!example.targets.front().empty(), Fault::data, [&] { return row.where + ": key 'text': it is empty"; });
    example.doc_hash = document_hash(row.value);
    examples.push_back(std::move(example));
  }
  return examples;
}

/// Bits that the model needs for each byte of a document. Documents count alike, whatever their length.
Verdict judge_own_text(const Example& example, const Response& response) {
  const auto bytes = static_cast<double>(example.targets.front().size());
  Verdict verdict;
  verdict.values["bits_per_byte,none"] = -response.logp_nats / std::numbers::ln2 / bytes;
  verdict.score = std::exp(response.logp_nats / bytes);
  return verdict;
}

}  // namespace

namespace plugins {
void text(TaskBook& book) {
  Task task;
  task.name = text_name;
  task.family = text_name;
  task.version = "1.0";
  task.summary = "bits a byte of documents of your own: the fixed text that divergences and entropies are measured on";
  task.source = "a file of the user's";
  task.format.target_delimiter = "";
  task.format.shots_fixed = true;
  task.metrics = {{.name = "bits_per_byte,none",
                   .higher_is_better = false,
                   .unit = {.scale = 1.0, .name = "bits/byte"},
                   .aggregate = {}}};
  task.files = text_files();
  task.load = load_text;
  task.ask = [](const Example& example, const std::string&, const AskSettings&) -> std::vector<Request> {
    return {Rolling{example.targets.front()}};
  };
  task.judge = [](const Example& example, std::span<const Response> responses, const AskSettings&) {
    return judge_own_text(example, responses.front());
  };
  book.tasks.add(text_name, std::move(task));
}
}  // namespace plugins
}  // namespace touchstone
