#include "harness/base/error.hpp"
#include "tasks/parts/bits_per_byte.hpp"
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
  task.metrics = {bits_per_byte_metric()};
  task.files = text_files();
  task.load = load_text;
  task.ask = [](const Example& example, const std::string&, const AskSettings&) -> std::vector<Request> {
    return {Rolling{example.targets.front()}};
  };
  task.judge = [](const Example& example, std::span<const Response> responses, const AskSettings&) {
    return judge_bits_per_byte(example.targets.front(), responses.front());
  };
  book.tasks.add(text_name, std::move(task));
}
}  // namespace plugins
}  // namespace touchstone
