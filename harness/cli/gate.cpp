#include "harness/compare/gate.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>
#include <set>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/cli/checks.hpp"
#include "harness/cli/program.hpp"
#include "harness/measure/metric.hpp"

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

/// Whether the database knows a model of this name.
bool is_stored(const std::string& db, const std::string& name) {
  if (db.empty() || !std::filesystem::exists(db)) return false;
  const Store store(db, Store::Open::read_only);
  try {
    find_model(store, name);
    return true;
  } catch (const Error& error) {
    if (error.fault() != Fault::config) throw;
    return false;
  }
}

/// If a name is no folder and the database does not know it, it may be a model that comes with the program.
void find_folder(Program& program, const GateArguments& arguments, std::string& name) {
  if (std::filesystem::is_directory(name) || is_stored(arguments.db, name)) return;
  try {
    name = program.resources().model(name, program.data(arguments.data).folders()).string();
  } catch (const Error& error) {
    if (std::filesystem::exists(arguments.db)) return;  // refused later, with a list of what the database holds
    throw Error(Fault::usage, std::string(error.what()) + " (results of a database: name it with --db)");
  }
}

/// Stored results are compared as they are: an option on how to measure would be ignored, so it is refused.
void refuse_measuring(const CLI::App& command) {
  static const std::set<std::string> judging = {"baseline", "candidate", "max-drop", "alpha", "metric", "db",
                                                "junit",    "data",      "tasks",    "json",  "quiet",  "help"};
  for (const auto* option : command.get_options()) {
    require(option->count() == 0 || option->get_lnames().empty() || judging.count(option->get_lnames().front()) > 0,
            Fault::usage, [&] {
              return "--" + option->get_lnames().front() +
                     " says how to measure a checkpoint folder; both sides are results of a database";
            });
  }
}

/// Measures a checkpoint folder, as far as the store lacks its scores. Only these measures are compared.
ModelMeasures measured(Program& program, GateArguments& arguments, const std::string& folder, Store& store) {
  require(!arguments.measure.tasks.empty(), Fault::usage, [&] {
    return folder + " is a checkpoint folder: say with --tasks what to measure, for instance --tasks mmlu";
  });
  Progress progress(program.err(), Program::terminal(), program.quiet);
  const auto tools = program.tools(arguments.data, progress);
  auto settings = arguments.engine;
  settings.model = folder;
  auto open = open_model(settings, "", store, tools);
  progress.plan("gate", 1);
  progress.begin(0, "measuring " + settings.model.filename().string());
  const auto work = arguments.db.empty() ? "" : arguments.db + ".work";
  // Metrics that compare with a reference model compare with the baseline.
  AnswerMemory memory;
  std::optional<ReferenceModel> reference;
  if (compares(arguments.measure) && std::filesystem::is_directory(arguments.baseline)) {
    settings.model = arguments.baseline;
    reference.emplace(settings, tools.backend->inspect(settings.model).model_hash, tools, memory);
  }
  auto ids = score_model(open, {arguments.measure},
                         {.store = store,
                          .environment = store.environment(tools.environment),
                          .run = tools,
                          .work = work,
                          .reference = reference ? &*reference : nullptr});
  progress.end(0, "measured");
  auto rows = store.measures(open.model);
  std::erase_if(rows, [&](const auto& row) { return std::find(ids.begin(), ids.end(), row.id) == ids.end(); });
  for (const auto& row : rows) arguments.options.tasks.push_back(row.task);
  say_warnings(rows, program.log());
  return {open.model, std::move(ids)};
}

int gate_action(Program& program, GateArguments& arguments, const CLI::App& command) {
  for (const auto& margin : arguments.max_drop) add_max_drop(arguments.options, margin);
  for (auto* name : {&arguments.baseline, &arguments.candidate}) find_folder(program, arguments, *name);
  const auto is_folder = [](const std::string& name) { return std::filesystem::is_directory(name); };
  const bool folders = is_folder(arguments.baseline) || is_folder(arguments.candidate);
  // The options are checked before anything is measured.
  for (const auto& [task, points] : arguments.options.max_drop) program.tasks().expand(task);
  arguments.options.every_task = !arguments.measure.tasks.empty();
  std::vector<std::string> asked;
  for (const auto& task : arguments.measure.tasks) {
    for (auto& leaf : program.tasks().expand(task)) asked.push_back(std::move(leaf));
  }
  if (!folders) {
    refuse_measuring(command);
    arguments.options.tasks = std::move(asked);
  }
  if (!arguments.junit.empty()) require_writable(arguments.junit);
  Store store = arguments.db.empty() ? Store(":memory:")
                                     : Store(arguments.db, folders ? Store::Open::create : Store::Open::read_only);
  const auto side = [&](const std::string& name) {
    return is_folder(name) ? measured(program, arguments, name, store) : find_model(store, name);
  };
  const auto baseline = side(arguments.baseline);
  const auto candidate = side(arguments.candidate);
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
      "Both sides are runs of a database or checkpoint folders, which are measured first. With --tasks just these are\n"
      "compared, each judged; without, whatever both sides were measured on.\n\n"
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
                   "largest drop allowed, in percentage points or the unit of a metric that is no share: TASK=POINTS, "
                   "or POINTS for every other task; 1 for each of "
                   "--tasks without one, and for all without --max-drop")
      ->delimiter(',');
  command
      ->add_option(
          "--alpha", arguments->options.alpha,
          "bounds the probability that a task beyond its margin passes, and that one within is called regressed")
      ->check(number(1e-6, 0.5))
      ->capture_default_str();
  command->add_option("--metric", arguments->options.metric, "compare this metric instead of each task's main one");
  command->add_option("--db", arguments->db, "results database; with folders it keeps what is measured");
  command->add_option("--junit", arguments->junit, "write the verdicts as JUnit XML");
  command->add_option("--data", arguments->data, "folder with benchmark data");
  add_measure_options(*command, arguments->measure);
  add_engine_options(*command, arguments->engine);
  command->add_flag("--json", program.json, "the verdict as JSON");
  command->add_flag("--quiet", program.quiet, "no progress");
  command->callback([&program, arguments, command] {
    program.action = [&program, arguments, command] { return gate_action(program, *arguments, *command); };
  });
}

}  // namespace touchstone
