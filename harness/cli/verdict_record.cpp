#include "harness/cli/verdict_record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "harness/base/error.hpp"
#include "harness/cli/program.hpp"

namespace touchstone {
namespace {

/// The versions of the program that ran the plan and measured for it.
std::set<std::string> versions_of(const Store& store, const RunRow& run) {
  const auto environments = store.environments();
  std::set<std::int64_t> measures;
  for (const auto& [cell, ids] : store.run_measures(run.id)) measures.insert(ids.begin(), ids.end());
  std::set<std::int64_t> used = {run.environment};
  for (const auto& measure : store.measures()) {
    if (measures.count(measure.id) != 0) used.insert(measure.environment);
  }
  std::set<std::string> versions;
  for (const auto id : used) versions.insert(environments.at(static_cast<std::size_t>(id - 1)).code_version);
  return versions;
}

/// Escapes the text for a cell of a Markdown table.
std::string table_cell(const std::string& text) {
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

/// The main claim's result; of verdicts that were recorded before there was one, all of them.
std::string main_text(const Json& verdict) {
  for (const auto& claim : verdict.value("claims", Json::array())) {
    if (claim.value("main", false)) return claim.value("compared", "") + ": " + claim.value("found", "");
  }
  return verdict.value("text", "");
}

std::string tuning_text(const Json& verdict) {
  if (!verdict.contains("tuning")) return "How its options were chosen is not recorded with it.\n";
  const auto& tuning = verdict["tuning"];
  auto text = fmt::format("Tuned on the {}, {} seeds, with questions of their own:\n\n", tuning.value("judged_on", ""),
                          tuning.value("seeds", 0));
  for (const auto& method : tuning.value("methods", Json::array())) text += "- " + method.value("words", "") + "\n";
  return text;
}

std::string made_by(const Json& verdict) {
  auto text = "Made by " + verdict.value("version", "an unknown version");
  const auto judged = verdict.value("judged_by", "");
  if (!judged.empty() && judged != verdict.value("version", "")) text += ", judged by " + judged;
  return text;
}

}  // namespace

std::string commit_objection(const std::string& version) {
  if (version.find("-dirty") != std::string::npos) return version + ", which has changes that no commit holds";
  if (version.find('+') == std::string::npos) return version + ", which names no commit";
  return "";
}

Json verdict_entry(const Store& store, const RunRow& run, const PlanVerdict& verdict, const std::string& judged_by) {
  auto entry = verdict_json(verdict);
  double seconds = 0.0;  // of the plan's cells, including those that an earlier run left
  for (const auto& cell : store.cells(run.id)) seconds += cell.seconds;
  const auto environment = store.environments().at(static_cast<std::size_t>(run.environment - 1));
  entry["seconds"] = std::round(seconds);
  entry["version"] = environment.code_version;
  entry["judged_by"] = judged_by;
  entry["cpu"] = std::to_string(environment.cores) + " cores of " + environment.cpu;
  return entry;
}

void require_recordable(const Store& store, const RunRow& run, const PlanVerdict& verdict,
                        const std::string& judged_by) {
  const auto where = "run '" + run.name + "'";
  require(!verdict.method.empty(), Fault::config,
          [&] { return where + ": its plan has no key 'about', so its verdict belongs to no method"; });
  for (const auto& version : versions_of(store, run)) {
    const auto objection = commit_objection(version);
    require(objection.empty(), Fault::config, [&] {
      return where + ": its verdict cannot be recorded: it was run by " + objection +
             ": build a commit, and run the plan into a new database";
    });
  }
  const auto objection = commit_objection(judged_by);
  require(objection.empty(), Fault::config, [&] {
    return where + ": its verdict cannot be recorded: this program is " + objection + ": build a commit";
  });
  require(verdict.objections.empty(), Fault::config, [&] {
    const auto more = verdict.objections.size() - 1;
    return where + ": its verdict cannot be recorded: " + verdict.objections.front() +
           (more > 0 ? fmt::format(" (and {} more)", more) : "");
  });
}

Json recorded_verdicts(const std::filesystem::path& file, const std::vector<Json>& verdicts) {
  const auto before = std::filesystem::exists(file) ? read_json(file) : Json::object();
  require(before.is_object(), Fault::data,
          [&] { return file.string() + ": expected an object of verdicts by method"; });
  std::map<std::string, Json> all;  // sorted by name, so the same verdicts give the same bytes
  for (const auto& entry : before.items()) all[entry.key()] = entry.value();
  for (const auto& verdict : verdicts) {
    auto& entry = all[verdict.value("method", "")];
    const auto note = entry.is_object() ? entry.value("note", "") : "";
    entry = verdict;
    if (!note.empty()) entry["note"] = note;
  }
  Json record = Json::object();
  for (auto& [name, entry] : all) record[name] = std::move(entry);
  return record;
}

std::string verdicts_page(Program& program, const Json& record) {
  std::string text =
      "# What the methods do on the tiny world\n\n"
      "Written by `touchstone verdict` from the results database: change the plans, not this file. A claim is "
      "reproduced when\n"
      "the interval of what it compares lies where the paper says that it lies, and contradicted when it lies "
      "elsewhere; otherwise\n"
      "it is not shown, and the smallest effect that the plan could have shown stands beside it. The main claim's "
      "verdict is the\n"
      "method's. A tiny model decides nothing about large ones: this says whether the method does here what its paper "
      "says.\n"
      "A verdict is that of the version which recorded it (`version` in `configs/verdicts.json`): some are by older "
      "statistics\n"
      "than today's (CHANGELOG.md), which may judge the same samples differently.\n\n"
      "| method | verdict | found |\n| --- | --- | --- |\n";
  for (const auto& entry : record.items()) {
    text += fmt::format("| `{}` | {} | {} |\n", entry.key(), entry.value().value("verdict", ""),
                        table_cell(main_text(entry.value())));
  }
  for (const auto& entry : record.items()) {
    const auto& verdict = entry.value();
    text += fmt::format(
        "\n## {}\n\n{}\n\nPlan `configs/plans/{}.json`: {}. {}. Its cells took {:.0f} s one after another on {}.\n\n",
        entry.key(), paper_of(program, entry.key()), verdict.value("plan", ""), verdict.value("verdict", ""),
        made_by(verdict), verdict.value("seconds", 0.0), verdict.value("cpu", ""));
    text += "| claim | expected | found | verdict |\n| --- | --- | --- | --- |\n";
    for (const auto& claim : verdict.value("claims", Json::array())) {
      text += fmt::format("| {}{} ({}) | {} | {} | {} |\n", claim.value("main", false) ? "**Main:** " : "",
                          table_cell(claim.value("claim", "")), table_cell(claim.value("compared", "")),
                          claim.value("expected", ""), table_cell(claim.value("found", "")),
                          claim.value("words", claim.value("verdict", "")));
    }
    text += "\n" + tuning_text(verdict);
    for (const auto& remark : verdict.value("remarks", Json::array())) {
      text += "\nNote of the run: " + remark.get<std::string>() + ".\n";
    }
    const auto note = verdict.value("note", "");
    if (!note.empty()) text += "\n" + note + "\n";
  }
  return text;
}

}  // namespace touchstone
