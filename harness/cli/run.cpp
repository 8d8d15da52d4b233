#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <ostream>
#include <tuple>

#include "harness/base/json.hpp"
#include "harness/base/json_values.hpp"
#include "harness/cli/program.hpp"
#include "harness/compare/verdict.hpp"

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

/// The results of a method at each value tried of one of its options.
struct TunedMethod {
  std::string method;
  std::string key;                  ///< STAGE.KEY
  std::vector<std::string> values;  ///< JSON texts
  std::vector<double> gains;        ///< change in points on the training task, one a value; nan: every cell failed
  std::size_t best = 0;             ///< index of the value with the largest gain
  bool measured() const { return !std::isnan(gains.at(best)); }
  /// Whether an untried value beyond the range could be better.
  bool at_edge() const { return values.size() > 2 && (best == 0 || best + 1 == values.size()); }
};

std::vector<TunedMethod> tuned_methods(const Plan& plan, const Plan& tuning, const Store& store, std::int64_t run) {
  std::map<std::string, std::pair<double, int>> gains;
  for (const auto& cell : cell_changes(store, run)) {
    gains[cell.cell.method].first += cell.gain;
    ++gains[cell.cell.method].second;
  }
  std::vector<TunedMethod> all;
  std::size_t next = 0;
  for (const auto& method : plan.methods) {
    TunedMethod tuned;
    tuned.method = method.name;
    std::tie(tuned.key, tuned.values) = tried_values(plan, method);
    for (std::size_t at = 0; at < tuned.values.size(); ++at) {
      const auto& [sum, cells] = gains[tuning.methods.at(next++).name];
      tuned.gains.push_back(cells > 0 ? 100.0 * sum / cells : std::numeric_limits<double>::quiet_NaN());
      if (!tuned.measured() || tuned.gains[at] > tuned.gains[tuned.best]) tuned.best = at;
    }
    all.push_back(std::move(tuned));
  }
  return all;
}

/// Prints the gains and the best value, which belongs into the plan's "set".
std::string tuned_line(const TunedMethod& tuned) {
  std::string line;
  for (std::size_t at = 0; at < tuned.values.size(); ++at) {
    const double gain = tuned.gains[at];
    line += fmt::format("  {}: {}", tuned.values[at], std::isnan(gain) ? "failed" : fmt::format("{:+.1f}", gain));
  }
  return fmt::format("{:16} \"{}\": {}{} gains in points:{}\n", tuned.method, tuned.key,
                     tuned.measured() ? tuned.values[tuned.best] : "none",
                     tuned.measured() && tuned.at_edge() ? " (the last one tried)" : "", line);
}

Json tuned_json(const TunedMethod& tuned) {
  Json tried = Json::array();
  for (std::size_t at = 0; at < tuned.values.size(); ++at) {
    const double gain = tuned.gains[at];
    tried.push_back({{"value", Json::parse(tuned.values[at])}, {"gain", number_or_null(gain)}});
  }
  return {{"method", tuned.method},
          {"key", tuned.key},
          {"best", tuned.measured() ? Json::parse(tuned.values[tuned.best]) : Json()},
          {"tried", std::move(tried)}};
}

/// For a plan with claims, their verdicts.
std::optional<PlanVerdict> verdict_of(const Plan& plan, const Store& store, std::int64_t id) {
  if (plan.claims.empty()) return std::nullopt;
  for (const auto& run : store.runs()) {
    if (run.id == id) return judge_run(store, run);
  }
  return std::nullopt;
}

/// What the claims of a plan could show, by what the database holds of an earlier run of it.
std::string outlook_of(const Plan& plan, const std::string& db) {
  if (plan.claims.empty()) return {};
  std::optional<RunRow> pilot;
  std::optional<Store> store;
  if (std::filesystem::exists(db)) {
    store.emplace(db, Store::Open::read_only);
    for (const auto& run : store->runs()) {
      if (run.name == plan.name) pilot = run;
    }
  }
  if (!pilot)
    return "what the claims could show is not known: " + db + " holds no run of this plan, not even of one seed\n";
  return outlook_lines(claim_outlooks(*store, *pilot, plan.claims, plan.seeds.size()), plan.seeds.size());
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
    program.out() << outlook_of(plan, arguments.db);
    return Exit::success;
  }
  Store store(arguments.db);
  const auto outcome = run_plan(checked, store, work, tools);
  std::vector<TunedMethod> tuned;
  if (arguments.tune) tuned = tuned_methods(compared, plan, store, outcome.run);
  const auto verdict = verdict_of(plan, store, outcome.run);
  if (program.json) {
    Json json{{"run", outcome.run}, {"done", outcome.done}, {"stored", outcome.stored}, {"failed", outcome.failed}};
    for (const auto& method : tuned) json["tuned"].push_back(tuned_json(method));
    if (verdict) json["verdict"] = verdict_json(*verdict);
    program.out() << json.dump() << '\n';
  } else {
    program.out() << fmt::format("{} cells done, {} stored before, {} failed; results in {}\n", outcome.done,
                                 outcome.stored, outcome.failed, arguments.db);
    for (const auto& method : tuned) program.out() << tuned_line(method);
    if (verdict) program.out() << verdict_lines(*verdict);
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
  command->add_flag("--dry-run", arguments->dry_run,
                    "check everything, say what would be done and what the claims could show, and stop");
  command->add_flag("--tune", arguments->tune,
                    "run the plan's \"tune\" instead: every method at every value, and say the best");
  command->add_flag("--json", program.json, "the outcome as JSON, with the gains of --tune and the verdict on claims");
  command->add_flag("--quiet", program.quiet, "no progress");
  command->callback([&program, arguments] {
    program.action = [&program, arguments] {
      program.when_stopped = Program::goes_on;
      return run_action(program, *arguments);
    };
  });
}

}  // namespace touchstone
