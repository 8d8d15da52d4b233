#include "harness/run/gate.hpp"

#include <CLI/CLI.hpp>
#include <ostream>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/cli/program.hpp"

namespace touchstone {
namespace {

struct GateArguments {
  std::string baseline;
  std::string candidate;
  std::string db;
  std::string junit;
  std::string data;
  std::vector<std::string> max_drop;
  GateOptions options;
  EngineSettings engine;
  MeasureSettings measure;
};

/// The model that a name means. A checkpoint folder is measured first, unless the store holds its scores.
std::int64_t model_of(Program& program, const GateArguments& arguments, const std::string& name, Store& store) {
  if (!std::filesystem::is_directory(name)) return find_model(store, name);
  require(!arguments.measure.tasks.empty(), Fault::usage, [&] {
    return name + " is a checkpoint folder: say with --tasks what to measure, for instance --tasks mmlu";
  });
  Progress progress(program.err(), Program::terminal(), program.quiet);
  const auto tools = program.tools(arguments.data, progress);
  auto settings = arguments.engine;
  settings.model = name;
  auto open = open_model(settings, "", store, tools);
  progress.plan("gate", 1);
  progress.begin(0, "measuring " + settings.model.filename().string());
  const auto work = arguments.db.empty() ? "" : arguments.db + ".work";
  score_model(open, {arguments.measure}, store, store.environment(tools.environment), tools, 0, work);
  progress.end(0, "measured");
  return open.model;
}

/// Without a database both sides are checkpoints: folders, or models that come with the program. What is asked for is
/// looked at before anything is measured.
void check_folders(Program& program, GateArguments& arguments) {
  for (auto* name : {&arguments.baseline, &arguments.candidate}) {
    if (std::filesystem::is_directory(*name)) continue;
    try {
      *name = program.resources().model(*name, program.data(arguments.data).folders()).string();
    } catch (const Error& error) {
      throw Error(Fault::usage, std::string(error.what()) + " (results of a database: name it with --db)");
    }
  }
  for (const auto& [task, points] : arguments.options.max_drop) program.tasks().expand(task);
}

int gate_action(Program& program, GateArguments& arguments) {
  for (const auto& margin : arguments.max_drop) add_max_drop(arguments.options, margin);
  if (arguments.db.empty()) check_folders(program, arguments);
  if (!arguments.junit.empty()) require_writable(arguments.junit);
  const bool folders =
      std::filesystem::is_directory(arguments.baseline) || std::filesystem::is_directory(arguments.candidate);
  Store store = arguments.db.empty() ? Store(":memory:")
                                     : Store(arguments.db, folders ? Store::Open::create : Store::Open::read_only);
  const auto baseline = model_of(program, arguments, arguments.baseline, store);
  const auto candidate = model_of(program, arguments, arguments.candidate, store);
  const auto result = gate(store, baseline, candidate, arguments.options);
  program.out() << (program.json ? gate_json(result) + "\n" : gate_table(result));
  if (!arguments.junit.empty()) write_file_atomically(arguments.junit, gate_junit(result));
  return result.exit_code();
}

}  // namespace

void add_gate(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand(
      "gate",
      "Says whether a candidate lost more than is allowed: exit 0 no, 1 yes, 3 the sample is too small to tell.\n"
      "Both sides are runs of a database or checkpoint folders, which are measured first.\n\n"
      "  touchstone gate --baseline DIR --candidate DIR2 --tasks mmlu,gsm8k --max-drop mmlu=0.5 --alpha 0.05\n"
      "  touchstone gate --db results.sqlite --baseline quickstart:base --candidate quickstart:lora:micro-gsm8k:1 "
      "--max-drop "
      "1\n"
      "  touchstone gate ... --junit gate.xml        the verdicts as test cases for CI");
  auto arguments = std::make_shared<GateArguments>();
  command->add_option("--baseline", arguments->baseline, "checkpoint folder, model hash or label, or RUN:base")
      ->required();
  command
      ->add_option("--candidate", arguments->candidate,
                   "checkpoint folder, model hash or label, or RUN:METHOD:TASK:SEED")
      ->required();
  command
      ->add_option("--max-drop", arguments->max_drop,
                   "largest drop allowed in percentage points: TASK=POINTS, or POINTS for every other task")
      ->delimiter(',');
  command->add_option("--alpha", arguments->options.alpha, "probability of a wrong verdict")
      ->check(CLI::Range(1e-6, 0.5))
      ->capture_default_str();
  command->add_option("--metric", arguments->options.metric, "another than each task's main one");
  command->add_option("--db", arguments->db, "results database; with folders it keeps what is measured");
  command->add_option("--junit", arguments->junit, "write the verdicts as JUnit XML");
  command->add_option("--data", arguments->data, "folder with benchmark data");
  add_measure_options(*command, arguments->measure);
  add_engine_options(*command, arguments->engine);
  command->add_flag("--json", program.json, "the verdict as JSON");
  command->add_flag("--quiet", program.quiet, "no progress");
  command->callback(
      [&program, arguments] { program.action = [&program, arguments] { return gate_action(program, *arguments); }; });
}

}  // namespace touchstone
