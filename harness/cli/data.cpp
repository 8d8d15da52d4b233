#include <CLI/CLI.hpp>
#include <ostream>

#include "harness/base/json.hpp"
#include "harness/cli/checks.hpp"
#include "harness/cli/program.hpp"
#include "harness/cli/table.hpp"
#include "harness/data/catalogue.hpp"

namespace touchstone {
namespace {

struct DataArguments {
  std::vector<std::string> tasks;
  std::string data;
  std::string task;
  std::string source;
  std::string into;
  std::string split;
};

bool is_bad(const CatalogueFile& file) {
  return file.state == FileState::differs || file.state == FileState::changed || !file.problem.empty();
}

Json file_json(const CatalogueFile& file) {
  return {{"benchmark", file.benchmark},
          {"split", split_name(file.split)},
          {"wanted", file.wanted},
          {"path", file.path ? Json(file.path->string()) : Json(nullptr)},
          {"state", file_state_name(file.state)},
          {"sha256", file.sha256},
          {"published", file.published},
          {"licence", file.licence},
          {"origin", file.origin},
          {"examples", file.examples},
          {"problem", file.problem}};
}

void say_missing(Program& program, const std::vector<CatalogueFile>& files) {
  std::string last;
  for (const auto& file : files) {
    if (file.state != FileState::missing || file.origin == last) continue;
    last = file.origin;
    program.log().info("missing: " + file.wanted + " (get it from " + file.origin + ", then touchstone data import " +
                       file.benchmark + " FILE)");
  }
}

int files_action(Program& program, const DataArguments& arguments, bool verify) {
  const auto files = data_files(program.tasks(), program.data(arguments.data), arguments.tasks, verify);
  bool bad = false;
  Json all = Json::array();
  Table table({"benchmark", "split", "file", "state", "examples", "licence"});
  for (const auto& file : files) {
    bad = bad || is_bad(file);
    all.push_back(file_json(file));
    const auto state = std::string(file_state_name(file.state)) + (file.problem.empty() ? "" : ": " + file.problem);
    table.row({file.benchmark, split_name(file.split), file.path ? file.path->string() : file.wanted, state,
               file.examples < 0 ? "" : std::to_string(file.examples), file.licence});
  }
  program.out() << (program.json ? all.dump(2) + "\n" : table.text());
  if (!program.json) say_missing(program, files);
  return verify && bad ? Exit::no : Exit::success;
}

int import_action(Program& program, const DataArguments& arguments) {
  std::optional<Split> split;
  for (const auto one : {Split::train, Split::validation, Split::test, Split::dev}) {
    if (arguments.split == split_name(one)) split = one;
  }
  const auto into = arguments.into.empty() ? user_cache() / "data" : std::filesystem::path(arguments.into);
  for (const auto& file : import_data(program.tasks(), arguments.task, arguments.source, into, split)) {
    program.out() << file.to.string() << ": " << file.examples << " examples of the " << split_name(file.split)
                  << " split, " << file_state_name(file.state) << '\n';
  }
  return Exit::success;
}

}  // namespace

void add_data(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand("data",
                                     "Where each benchmark's data lies, its hash, its licence, and how to get it.\n\n"
                                     "  touchstone data list\n"
                                     "  touchstone data verify gsm8k --data ~/data\n"
                                     "  touchstone data import gsm8k ~/downloads/test.jsonl");
  command->require_subcommand(1);
  auto arguments = std::make_shared<DataArguments>();
  const auto add_files = [&](const char* name, const char* help, bool verify) {
    auto* own = command->add_subcommand(name, help);
    own->add_option("tasks", arguments->tasks, "tasks or groups; default: all");
    own->add_option("--data", arguments->data, "folder with benchmark data");
    own->add_flag("--json", program.json, "as JSON");
    own->callback([&program, arguments, verify] {
      program.action = [&program, arguments, verify] { return files_action(program, *arguments, verify); };
    });
  };
  add_files("list", "Lists the files that tasks need and where they were found.", false);
  add_files("verify", "Reads and hashes every file; exit 1 when one is damaged or differs from the published one.",
            true);
  auto* import = command->add_subcommand("import", "Checks a file or folder and copies it to where tasks find it.");
  import->add_option("task", arguments->task, "a benchmark")->required();
  import->add_option("source", arguments->source, "file or folder")->required();
  import->add_option("--into", arguments->into, "data folder to write; default: the user's cache folder");
  import->add_option("--split", arguments->split, "split of a single file whose name does not say it")
      ->check(one_of({"train", "validation", "test", "dev"}));
  import->callback([&program, arguments] {
    program.action = [&program, arguments] { return import_action(program, *arguments);
};
}  // namespace touchstone
);
}

}  // namespace touchstone
