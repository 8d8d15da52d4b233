#include <memory>

#include "tasks/parts/humaneval_form.hpp"

namespace touchstone {
namespace {

constexpr const char* humaneval_source =
    "Evaluating Large Language Models Trained on Code, arXiv 2107.03374; openai/human-eval";

std::vector<DataFile> humaneval_files() {
  return {{.split = Split::test,
           .paths = {"humaneval/HumanEval.jsonl.gz", "humaneval/HumanEval.jsonl", "humaneval/test.jsonl",
                     "humaneval/test.jsonl.gz"},
           .sha256 = "1d49078ba3e2b196b9344535bef34a43021f038fad9561d6ee7c53450609a6a2",
           .licence = "MIT",
           .origin = "openai/human-eval, data/HumanEval.jsonl.gz"}};
}

std::vector<Example> load_humaneval(const HumanEvalForm& form, Split split, const DataFolders& folders) {
  std::vector<Example> examples;
  for (const auto& row : read_rows(folders.find(form.name, file_of(form.name, humaneval_files(), split)))) {
    examples.push_back(humaneval_example(form, row, form.name + "/test/" + std::to_string(examples.size())));
  }
  return examples;
}

void add_humaneval(TaskBook& book, const HumanEvalForm& form, const std::shared_ptr<LazySandbox>& sandbox) {
  Task task = humaneval_task(form, sandbox);
  task.family = "humaneval";
  task.source = humaneval_source;
  task.trained = Split::test;
  task.files = humaneval_files();
  task.load = [form](Split split, const DataFolders& folders) { return load_humaneval(form, split, folders); };
  book.tasks.add(form.name, std::move(task));
}

}  // namespace

namespace plugins {

void humaneval(TaskBook& book) {
  const auto sandbox = std::make_shared<LazySandbox>();
  add_humaneval(
      book,
      {.name = "humaneval", .version = "1.0", .summary = "Python functions from their docstrings, run against tests"},
      sandbox);
  add_humaneval(book,
                {.name = "humaneval_64",
                 .version = "1.0",
                 .summary = "Python functions from their docstrings, 64 samples each",
                 .samples = 64,
                 .temperature = 0.2,
                 .top_p = 0.95,
                 .ks = {2, 8, 16, 32, 64}},
                sandbox);
  add_humaneval(book,
                {.name = "humaneval_instruct",
                 .version = "3.0",
                 .summary = "Python functions, asked for in words",
                 .instruct = true},
                sandbox);
}

}  // namespace plugins
}  // namespace touchstone
