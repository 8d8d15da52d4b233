#include "harness/compare/verdict.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <map>
#include <ostream>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/cli/program.hpp"

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

/// Escapes the text for a cell of a Markdown table.
std::string cell(const std::string& text) {
  std::string out;
  for (const char letter : text) {
    if (letter == '|') out += '\\';
    out += letter;
  }
  return out;
}

/// The paper of a recipe that comes with the program; empty for any other recipe.
std::string paper_of(Program& program, const std::string& method) {
  const auto& resources = program.resources();
  const auto names = resources.methods();
  const bool known = std::find(names.begin(), names.end(), method) != names.end();
  return known ? read_json(resources.method(method)).value("paper", "") : "";
}

/// The page of all recorded verdicts, as Markdown.
std::string page(Program& program, const Json& record) {
  std::string text =
      "# What the methods do on the tiny world\n\n"
      "Written by `touchstone verdict` from the results database: change the plans, not this file. Each method was run "
      "by\n"
      "`touchstone run papers/NAME` on the carried model, over several seeds, against its own ablations and plain "
      "`sft`, all\n"
      "tuned alike (`touchstone run papers/NAME --tune`). A claim is reproduced when the 95 % interval of the "
      "difference lies\n"
      "where the paper says that it lies, and contradicted when it lies elsewhere; otherwise it is not shown, and the "
      "smallest\n"
      "effect that the plan could have shown stands beside it. A tiny model decides nothing about large ones: this "
      "shows that\n"
      "the method does here what its paper says it does, or that it does not.\n\n"
      "| method | verdict | found |\n| --- | --- | --- |\n";
  for (const auto& entry : record.items()) {
    text += fmt::format("| `{}` | {} | {} |\n", entry.key(), entry.value().value("verdict", ""),
                        cell(entry.value().value("text", "")));
  }
  for (const auto& entry : record.items()) {
    const auto& verdict = entry.value();
    text += fmt::format(
        "\n## {}\n\n{}\n\nPlan `configs/plans/{}.json`: {}. Its cells took {:.0f} s one after another on {}.\n\n",
        entry.key(), paper_of(program, entry.key()), verdict.value("plan", ""), verdict.value("verdict", ""),
        verdict.value("seconds", 0.0), verdict.value("cpu", ""));
    text += "| claim | expected | found | verdict |\n| --- | --- | --- | --- |\n";
    for (const auto& claim : verdict.value("claims", Json::array())) {
      text +=
          fmt::format("| {} ({}) | {} | {} | {} |\n", cell(claim.value("claim", "")), cell(claim.value("compared", "")),
                      claim.value("expected", ""), claim.value("found", ""), claim.value("verdict", ""));
    }
    const auto note = verdict.value("note", "");
    if (!note.empty()) text += "\n" + note + "\n";
  }
  return text;
}

/// Adds verdicts to a JSON file, under the method that their plan is about. Other entries stay, and so does the
/// "note" that a person wrote beside one.
Json recorded(const std::filesystem::path& file, const std::vector<Json>& verdicts) {
  const auto before = std::filesystem::exists(file) ? read_json(file) : Json::object();
  require(before.is_object(), Fault::data,
          [&] { return file.string() + ": expected an object of verdicts by method"; });
  std::map<std::string, Json> all;  // sorted by name, so the same verdicts give the same bytes
  for (const auto& entry : before.items()) all[entry.key()] = entry.value();
  for (const auto& verdict : verdicts) {
    const auto name = verdict.value("method", "");
    require(!name.empty(), Fault::config, [&] {
      return "run '" + verdict.value("plan", "") +
             "': its plan has no key 'about', so its verdict belongs to no method";
    });
    auto& entry = all[name];
    const auto note = entry.is_object() ? entry.value("note", "") : "";
    entry = verdict;
    if (!note.empty()) entry["note"] = note;
  }
  Json record = Json::object();
  for (auto& [name, entry] : all) record[name] = std::move(entry);
  return record;
}

int exit_code(const std::vector<PlanVerdict>& verdicts) {
  const auto any = [&](ClaimVerdict wanted) {
    return std::any_of(verdicts.begin(), verdicts.end(), [&](const auto& one) { return one.verdict == wanted; });
  };
  if (any(ClaimVerdict::contradicted)) return Exit::no;
  const bool open = any(ClaimVerdict::not_shown) || any(ClaimVerdict::no_difference) || any(ClaimVerdict::unmeasured);
  return open ? Exit::undecided : Exit::success;
}

int verdict_action(Program& program, const VerdictArguments& arguments) {
  require(arguments.table.empty() || !arguments.record.empty(), Fault::usage,
          "--table writes the page of recorded verdicts: name them with --record");
  const Store store(arguments.db, Store::Open::read_only);
  const auto environments = store.environments();
  std::vector<PlanVerdict> verdicts;
  std::vector<Json> entries;
  for (const auto& run : judged_runs(store, arguments)) {
    verdicts.push_back(judge_run(store, run));
    entries.push_back(verdict_json(verdicts.back()));
    double seconds = 0.0;  // of the plan's cells, including those that an earlier run left
    for (const auto& cell : store.cells(run.id)) seconds += cell.seconds;
    entries.back()["seconds"] = std::round(seconds);
    const auto& environment = environments.at(static_cast<std::size_t>(run.environment - 1));
    entries.back()["version"] = environment.code_version;
    entries.back()["cpu"] = std::to_string(environment.cores) + " cores of " + environment.cpu;
  }
  if (!arguments.record.empty()) {
    const auto record = recorded(arguments.record, entries);
    write_file_atomically(arguments.record, record.dump(2) + "\n");
    if (!arguments.table.empty()) write_file_atomically(arguments.table, page(program, record));
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
      "Holds what a plan's \"claims\" expect against what was measured: exit 0 all reproduced, 1 one is contradicted,\n"
      "3 something is not shown.\n\n"
      "  touchstone run papers/otr --db papers.sqlite\n"
      "  touchstone verdict --db papers.sqlite\n"
      "  touchstone verdict --db papers.sqlite --record configs/verdicts.json --table docs/methods.md");
  auto arguments = std::make_shared<VerdictArguments>();
  command->add_option("--db", arguments->db, "results database")->required();
  command->add_option("--run", arguments->run, "only the plan of this name; default: every plan with claims");
  command->add_option("--record", arguments->record, "JSON file of verdicts by method that these are added to");
  command->add_option("--table", arguments->table, "write all recorded verdicts as a Markdown page");
  command->add_flag("--json", program.json, "the verdicts as JSON");
  command->callback([&program, arguments] {
    program.action = [&program, arguments] { return verdict_action(program, *arguments); };
  });
}

}  // namespace touchstone
