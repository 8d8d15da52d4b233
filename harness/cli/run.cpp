#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <ostream>

#include "harness/base/json.hpp"
#include "harness/cli/outlook.hpp"
#include "harness/cli/program.hpp"
#include "harness/cli/tune.hpp"
#include "harness/compare/verdict.hpp"
#include "harness/run/until_decided.hpp"

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
  bool until_decided = false;
};

/// Runs the plan's tuning.
int tune_action(Program& program, const Plan& plan, Store& store, const std::filesystem::path& work,
                const RunTools& tools) {
  const auto outcome = tune_plan(plan, store, work, tools);
  if (program.json) {
    auto json = tuning_json(outcome.tuned);
    json["run"] = outcome.run.run;
    json["done"] = outcome.run.done;
    json["stored"] = outcome.run.stored;
    json["failed"] = outcome.run.failed;
    json["grown"] = outcome.grown;
    if (!outcome.stopped.empty()) json["stopped"] = outcome.stopped;
    program.out() << json.dump() << '\n';
  } else {
    program.out() << fmt::format("{} cells done, {} failed; grids grew {} times\n{}", outcome.run.done,
                                 outcome.run.failed, outcome.grown, tune_lines(outcome));
  }
  return outcome.run.failed == 0 ? Exit::success : Exit::no;
}

/// "looks after 3, 5, 8, 13, 20 seeds, at levels 0.0076, ...; cells below are those of all looks".
std::string looks_line(const Plan& plan) {
  std::vector<std::string> seeds;
  std::vector<std::string> levels;
  for (const auto& look : looks_of(plan)) {
    seeds.push_back(std::to_string(look.seeds));
    levels.push_back(fmt::format("{:g}", look.alpha));
  }
  return fmt::format(
      "seeds are added until the main claim is decided: looks after {} seeds, at levels {}; the cells and the cost are "
      "those of all looks\n",
      fmt::join(seeds, ", "), fmt::join(levels, ", "));
}

struct Ran {
  RunOutcome outcome;
  std::optional<PlanVerdict> verdict;
};

/// Runs what was checked, or, for a plan that adds seeds until its main claim is decided, look by look.
Ran run_checked(const Plan& plan, const CheckedPlan& checked, Store& store, const std::filesystem::path& work,
                const RunTools& tools) {
  if (plan.until_decided) {
    auto decided = run_until_decided(plan, store, work, tools);
    return {decided.outcome, std::move(decided.verdict)};
  }
  Ran ran{run_plan(checked, store, work, tools), {}};
  if (!plan.claims.empty()) ran.verdict = judge_run(store, stored_run(store, ran.outcome.run));
  return ran;
}

int run_action(Program& program, const RunArguments& arguments) {
  auto plan = read_plan(program.resources().plan(arguments.plan));
  if (!arguments.model.empty()) plan = with_model(std::move(plan), arguments.model);
  plan.until_decided = !arguments.tune && (plan.until_decided || arguments.until_decided);
  // Everything that the last look would need is checked before the first one.
  const auto whole = plan.until_decided ? plan_at_look(plan, looks_of(plan).back().seeds) : plan;
  const std::filesystem::path work = arguments.work.empty() ? arguments.db + ".work" : arguments.work;
  Progress progress(program.err(), Program::terminal(), program.quiet);
  auto tools = program.tools(arguments.data, progress);
  const auto checked = check_plan(arguments.tune ? tuning_plan(plan) : whole, tools, work);
  if (arguments.dry_run) {
    program.log().info(describe(checked));
    Store::check(arguments.db);
    if (plan.until_decided) program.out() << looks_line(plan);
    for (const auto& cell : checked.cells) program.out() << cell.label << '\n';
    if (arguments.tune) return Exit::success;
    const auto outlook = outlook_of(whole, arguments.db);
    program.out() << outlook.text << std::flush;
    if (!has_begun(whole, arguments.db)) require_hope(whole.claims, outlook.claims, whole.where);
    return Exit::success;
  }
  // An older database is brought up to date first; a refused plan leaves none where none was.
  if (std::filesystem::exists(arguments.db)) const Store up_to_date(arguments.db);
  if (!arguments.tune && !has_begun(whole, arguments.db)) {
    require_hope(whole.claims, outlook_of(whole, arguments.db).claims, whole.where);
  }
  Store store(arguments.db);
  if (arguments.tune) return tune_action(program, plan, store, work, tools);
  program.log().info(describe(checked));
  const auto ran = run_checked(plan, checked, store, work, tools);
  const auto& outcome = ran.outcome;
  const auto& verdict = ran.verdict;
  if (program.json) {
    Json json{{"run", outcome.run}, {"done", outcome.done}, {"stored", outcome.stored}, {"failed", outcome.failed}};
    if (verdict) json["verdict"] = verdict_json(*verdict);
    program.out() << json.dump() << '\n';
  } else {
    program.out() << fmt::format("{} cells done, {} stored before, {} failed; results in {}\n", outcome.done,
                                 outcome.stored, outcome.failed, arguments.db);
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
      "  touchstone run my_plan.json --model ~/models/SmolLM2-135M --db results.sqlite --dry-run\n"
      "  touchstone run papers/otr --until-decided --db papers.sqlite");
  auto arguments = std::make_shared<RunArguments>();
  command->add_option("plan", arguments->plan, "plan file, or the name of one that comes with the program")->required();
  command->add_option("--model", arguments->model, "checkpoint folder to use instead of the plan's models");
  command->add_option("--data", arguments->data, "folder with benchmark data");
  command->add_option("--db", arguments->db, "results database")->capture_default_str();
  command->add_option("--work", arguments->work, "folder for training checkpoints; default: DB.work");
  command->add_flag("--dry-run", arguments->dry_run,
                    "check everything, say what would be done and what the claims could show, and stop");
  auto* tune = command->add_flag(
      "--tune", arguments->tune,
      "run the plan's \"tune\" instead: every method at every value, growing grids whose best lies at an end");
  command
      ->add_flag(
          "--until-decided", arguments->until_decided,
          "add seeds until the plan's main claim is decided: looks after 3, 5, 8, 13 and 20 seeds (4, 6, 9, 13, "
          "20 with fewer than five methods), which together decide wrongly in at most 5 %; the seeds listed come "
          "first")
      ->excludes(tune);
  command->add_flag("--json", program.json,
                    "the outcome as JSON, with the values that --tune tried, or the verdict on claims");
  command->add_flag("--quiet", program.quiet, "no progress");
  command->callback([&program, arguments] {
    program.action = [&program, arguments] {
      program.when_stopped = Program::goes_on;
      return run_action(program, *arguments);
    };
  });
}

}  // namespace touchstone
