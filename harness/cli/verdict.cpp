#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/cli/program.hpp"
#include "harness/cli/verdict_record.hpp"

namespace touchstone {
namespace {

struct VerdictArguments {
  std::string db;
  std::string run;
  std::string record;
  std::string table;
};

/// The latest run of each plan with claims, or of the named plan only, in the order of the database.
std::vector<RunRow> judged_runs(const Store& store, const VerdictArguments& arguments) {
  std::vector<RunRow> runs;
  std::vector<std::string> without;
  for (const auto& run : store.runs()) {
    if (!arguments.run.empty() && run.name != arguments.run) continue;
    if (!parse_json(run.plan_json, "run '" + run.name + "'").contains("claims")) {
      without.push_back(run.name);
      continue;
    }
    std::erase_if(runs, [&](const RunRow& earlier) { return earlier.name == run.name; });
    runs.push_back(run);
  }
  require(!runs.empty(), Fault::usage, [&] {
    if (without.empty())
      return arguments.db + ": holds no run" + (arguments.run.empty() ? "" : " '" + arguments.run + "'");
    return arguments.db + ": run '" + without.front() + "': its plan has no claims to judge";
  });
  return runs;
}

int exit_code(const std::vector<PlanVerdict>& verdicts) {
  const auto any = [&](ClaimVerdict wanted) {
    return std::any_of(verdicts.begin(), verdicts.end(), [&](const auto& one) { return one.verdict == wanted; });
  };
  if (any(ClaimVerdict::contradicted)) return Exit::no;
  const bool open = any(ClaimVerdict::not_shown) || any(ClaimVerdict::no_difference) || any(ClaimVerdict::unmeasured);
  return open ? Exit::undecided : Exit::success;
}

/// Writes the page of what is recorded, without judging anything.
int table_action(Program& program, const VerdictArguments& arguments) {
  require(!arguments.record.empty() && !arguments.table.empty(), Fault::usage,
          "without --db only the page of what is recorded can be written: name --record and --table");
  require(std::filesystem::exists(arguments.record), Fault::usage,
          [&] { return arguments.record + ": there is no such record"; });
  write_file_atomically(arguments.table, verdicts_page(program, recorded_verdicts(arguments.record, {})));
  return Exit::success;
}

int verdict_action(Program& program, const VerdictArguments& arguments) {
  if (arguments.db.empty()) return table_action(program, arguments);
  require(arguments.table.empty() || !arguments.record.empty(), Fault::usage,
          "--table writes the page of recorded verdicts: name them with --record");
  const Store store(arguments.db, Store::Open::read_only);
  std::vector<PlanVerdict> verdicts;
  std::vector<Json> entries;
  for (const auto& run : judged_runs(store, arguments)) {
    verdicts.push_back(judge_run(store, run));
    if (!arguments.record.empty()) require_recordable(store, run, verdicts.back(), code_version());
    entries.push_back(verdict_entry(store, run, verdicts.back(), code_version()));
  }
  if (!arguments.record.empty()) {
    const auto record = recorded_verdicts(arguments.record, entries);
    write_file_atomically(arguments.record, record.dump(2) + "\n");
    if (!arguments.table.empty()) write_file_atomically(arguments.table, verdicts_page(program, record));
  }
  if (program.json) program.out() << Json(entries).dump(2) << '\n';
  for (const auto& verdict : verdicts) {
    if (!program.json) program.out() << verdict_lines(verdict);
  }
  return exit_code(verdicts);
}

}  // namespace

void add_verdict(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand(
      "verdict",
      "Holds what a plan's \"claims\" expect against what was measured. By the plans' main claims: exit 0 all "
      "reproduced,\n"
      "1 one is contradicted, 3 something is not shown.\n\n"
      "  touchstone run papers/otr --db papers.sqlite\n"
      "  touchstone verdict --db papers.sqlite\n"
      "  touchstone verdict --db papers.sqlite --record configs/verdicts.json --table docs/methods.md\n\n"
      "Only what others can make again is recorded: by a build of a commit without changes, of a plan whose options "
      "were\n"
      "tuned (touchstone run PLAN --tune) to values inside their grids.");
  auto arguments = std::make_shared<VerdictArguments>();
  command->add_option("--db", arguments->db, "results database; without it --table alone is written, from --record");
  command->add_option("--run", arguments->run, "only the plan of this name; default: every plan with claims");
  command->add_option("--record", arguments->record, "JSON file of verdicts by method that these are added to");
  command->add_option("--table", arguments->table, "write all recorded verdicts as a Markdown page");
  command->add_flag("--json", program.json, "the verdicts as JSON");
  command->callback([&program, arguments] {
    program.action = [&program, arguments] { return verdict_action(program, *arguments); };
  });
}

}  // namespace touchstone
