#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <limits>
#include <map>
#include <ostream>

#include "harness/base/json.hpp"
#include "harness/cli/program.hpp"
#include "harness/measure/verdict.hpp"

namespace touchstone {
namespace {

struct RunArguments {
  std::string plan;
  std::string model;
  std::string data;
  std::string db = "results.sqlite";
  std::string work;
  bool dry_run = false;
  bool tune = false;
};

/// What each method reached at each value, and the best one: what to write into the plan's "set".
void say_tuned(Program& program, const Plan& plan, const Plan& tuning, const Store& store, std::int64_t run) {
  std::map<std::string, std::pair<double, int>> gains;
  for (const auto& cell : cell_changes(store, run)) {
    gains[cell.cell.method].first += cell.gain;
    ++gains[cell.cell.method].second;
  }
  std::size_t next = 0;
  for (const auto& method : plan.methods) {
    const auto [key, values] = tried_values(plan, method);
    std::string line;
    std::size_t best = 0;
    double best_gain = -2.0;
    for (std::size_t at = 0; at < values.size(); ++at) {
      const auto& [sum, cells] = gains[tuning.methods.at(next++).name];
      const double gain = cells > 0 ? sum / cells : std::numeric_limits<double>::quiet_NaN();
      line += fmt::format("  {}: {}", values[at], cells > 0 ? fmt::format("{:+.1f}", 100.0 * gain) : "failed");
      if (gain > best_gain) {
        best = at;
        best_gain = gain;
      }
    }
    const bool edge = values.size() > 2 && (best == 0 || best + 1 == values.size());
    program.out() << fmt::format("{:16} \"{}\": {}{} gains in points:{}\n", method.name, key, values[best],
                                 edge ? " (the last one tried)" : "", line);
  }
}

int run_action(Program& program, const RunArguments& arguments) {
  auto plan = read_plan(program.resources().plan(arguments.plan));
  if (!arguments.model.empty()) plan.models = {arguments.model};
  const auto compared = plan;
  if (arguments.tune) plan = tuning_plan(plan);
  const std::filesystem::path work = arguments.work.empty() ? arguments.db + ".work" : arguments.work;
  Progress progress(program.err(), Program::terminal(), program.quiet);
  auto tools = program.tools(arguments.data, progress);
  const auto checked = check_plan(plan, tools, work);
  program.log().info(describe(checked));
  if (arguments.dry_run) {
    Store::check(arguments.db);
    for (const auto& cell : checked.cells) program.out() << cell.label << '\n';
    return Exit::success;
  }
  Store store(arguments.db);
  const auto outcome = run_plan(checked, store, work, tools);
  if (program.json) {
    program.out() << Json{{"run", outcome.run},
                          {"done", outcome.done},
                          {"stored", outcome.stored},
                          {"failed", outcome.failed}}
                         .dump()
                  << '\n';
  } else {
    program.out() << fmt::format("{} cells done, {} stored before, {} failed; results in {}\n", outcome.done,
                                 outcome.stored, outcome.failed, arguments.db);
    if (arguments.tune) say_tuned(program, compared, plan, store, outcome.run);
    for (const auto& run : store.runs()) {
      if (run.id == outcome.run && !plan.claims.empty()) program.out() << verdict_lines(judge_run(store, run));
    }
    program.out() << fmt::format("see them: touchstone report --db {} --out report.html\n", arguments.db);
  }
  return outcome.failed == 0 ? Exit::success : Exit::no;
}

}  // namespace

void add_run(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand(
      "run",
      "Runs a plan: models x methods x training tasks x seeds, each measured before and after on every benchmark.\n"
      "Stop it at any moment; the same command goes on, and never computes again what is stored.\n\n"
      "  touchstone run quickstart\n"
      "  touchstone run my_plan.json --model ~/models/SmolLM2-135M --db results.sqlite --dry-run");
  auto arguments = std::make_shared<RunArguments>();
  command->add_option("plan", arguments->plan, "plan file, or the name of one that comes with the program")->required();
  command->add_option("--model", arguments->model, "checkpoint folder to use instead of the plan's models");
  command->add_option("--data", arguments->data, "folder with benchmark data");
  command->add_option("--db", arguments->db, "results database")->capture_default_str();
  command->add_option("--work", arguments->work, "folder for training checkpoints; default: DB.work");
  command->add_flag("--dry-run", arguments->dry_run, "check everything, say what would be done, and stop");
  command->add_flag("--tune", arguments->tune,
                    "run the plan's \"tune\" instead: every method at every value, and say the best");
  command->add_flag("--json", program.json, "the outcome as JSON");
  command->add_flag("--quiet", program.quiet, "no progress");
  command->callback(
      [&program, arguments] { program.action = [&program, arguments] { return run_action(program, *arguments); }; });
}

}  // namespace touchstone
