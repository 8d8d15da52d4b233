#pragma once
// Shared by the subcommands. Each subcommand has one file, which defines one add_* function that program.cpp calls.
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "harness/base/cancel.hpp"
#include "harness/base/log.hpp"
#include "harness/data/task.hpp"
#include "harness/report/report.hpp"
#include "harness/run/resources.hpp"
#include "harness/run/runner.hpp"
#include "harness/run/scoring.hpp"

namespace CLI {
class App;
}

namespace touchstone {

/// Everything a subcommand works with. run_program makes it; main fills the books.
class Program {
 public:
  Program(const TaskBook& tasks, const ReportBook& reports, std::ostream& out, std::ostream& err);

  const TaskBook& tasks() const { return *tasks_; }
  const ReportBook& reports() const { return *reports_; }
  std::ostream& out() const { return *out_; }
  std::ostream& err() const { return *err_; }
  Log& log() { return log_; }
  const CancelFlag& cancel() const { return *cancel_; }
  const Resources& resources();
  /// The data folders for `named` (--data), in order of search.
  const DataFolders& data(const std::string& named);
  /// Tools for run_plan and score_model; opens the tensor library.
  RunTools tools(const std::string& data, Progress& progress);
  static bool terminal();

  bool json = false;
  bool quiet = false;
  /// The action of the chosen subcommand; gives the exit code.
  std::function<int()> action = [] { return 0; };
  /// Printed after "stopped on request": the state that an interrupted command leaves.
  std::string when_stopped;
  static constexpr const char* goes_on = "; the same command goes on from here";

 private:
  const TaskBook* tasks_;
  const ReportBook* reports_;
  std::ostream* out_;
  std::ostream* err_;
  Log log_;
  const CancelFlag* cancel_;
  std::unique_ptr<Resources> resources_;
  std::unique_ptr<DataFolders> data_;
};

/// Exit codes of the program.
struct Exit {
  static constexpr int success = 0;
  static constexpr int no = 1;  ///< a gate that says no, or a cell that failed
  static constexpr int bad_input = 2;
  static constexpr int undecided = 3;
  static constexpr int bug = 70;
  static constexpr int interrupted = 130;
  static constexpr int terminated = 143;
};

/// Reads the command line and runs it. Never throws.
int run_program(int argc, const char* const* argv, const TaskBook& tasks, const ReportBook& reports, std::ostream& out,
                std::ostream& err);

/// Options for opening a checkpoint, the same for eval, run, train and gate.
void add_engine_options(CLI::App& app, EngineSettings& settings);
/// Options for what to measure, the same for eval and gate. `tasks` is filled from a comma-separated list.
void add_measure_options(CLI::App& app, MeasureSettings& settings);

void add_run(CLI::App& app, Program& program);
void add_eval(CLI::App& app, Program& program);
void add_init(CLI::App& app, Program& program);
void add_train(CLI::App& app, Program& program);
void add_gate(CLI::App& app, Program& program);
void add_verdict(CLI::App& app, Program& program);
void add_report(CLI::App& app, Program& program);
void add_list(CLI::App& app, Program& program);
void add_data(CLI::App& app, Program& program);
void add_bench(CLI::App& app, Program& program);
void add_selfcheck(CLI::App& app, Program& program);
void add_objective(CLI::App& app, Program& program);
void add_completion(CLI::App& app, Program& program);
void add_catalogue(CLI::App& app, Program& program);

/// The environment of this process, for the store.
Environment this_environment(Backend* backend);

/// "0.1.0" and, in a build from a checkout, the commit: "0.1.0+1a2b3c4d".
std::string code_version();

}  // namespace touchstone
