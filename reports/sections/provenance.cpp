#include <fmt/format.h>

#include <set>
#include <tuple>

#include "harness/base/json.hpp"
#include "harness/report/section.hpp"
#include "reports/blocks.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"
#include "reports/words.hpp"

namespace touchstone {
namespace reports {
namespace {

Cell hash_cell(const std::string& hash) {
  return hash.empty() ? text_cell("–") : text_cell(Piece{short_hash(hash), Look::code, hash});
}

std::string pretty(const std::string& json) {
  try {
    return parse_json(json, "plan").dump(2, ' ', false, Json::error_handler_t::replace);
  } catch (const Error&) {
    return json;  // shown as it is
  }
}

Blocks runs(const ReportInput& input) {
  if (input.runs.empty()) return {};
  ReportTable table;
  table.caption = "Runs";
  table.head = {{head_cell("Run", 1, "n"), head_cell("Plan"), head_cell("State"), head_cell("Started (UTC)"),
                 head_cell("Finished (UTC)"), head_cell("Time", 1, "n"), head_cell("Hash of the plan")}};
  table.groups.push_back({});
  Blocks plans;
  for (const auto& run : input.runs) {
    table.groups[0].rows.push_back({number_cell(static_cast<double>(run.id), count(run.id)), text_cell(run.name),
                                    text_cell(run.state), text_cell(run.started_utc), text_cell(run.finished_utc),
                                    number_cell(run.seconds, duration(run.seconds)), hash_cell(run.plan_hash)});
    const auto plan = shortened(pretty(run.plan_json), 20000);
    plans.push_back(
        Fold{fmt::format("The plan of run {}", run.id),
             {Paragraph{prose("Saved as `plan.json`, `touchstone run plan.json` makes the same cells again.")},
              Verbatim{plan.text}}});
  }
  Blocks out = {Heading{"Runs"}, std::move(table)};
  for (auto& plan : plans) out.push_back(std::move(plan));
  return out;
}

Blocks models(const ReportInput& input) {
  if (input.models.empty()) return {};
  ReportTable table;
  table.caption = "Weights (first digits of each SHA-256; the whole one is the cell's tooltip)";
  table.head = {{head_cell("Model"), head_cell("Family"), head_cell("Parameters", 1, "n"), head_cell("Weights"),
                 head_cell("Config"), head_cell("Tokenizer"), head_cell("Chat template")}};
  table.groups.push_back({});
  for (const auto& model : input.models) {
    table.groups[0].rows.push_back({head_cell(model.label), text_cell(model.family),
                                    number_cell(static_cast<double>(model.parameters), count(model.parameters)),
                                    hash_cell(model.hash), hash_cell(model.config_hash),
                                    hash_cell(model.tokenizer_hash), hash_cell(model.template_hash)});
  }
  return {Heading{"Models"}, std::move(table)};
}

Blocks data(const ReportInput& input) {
  ReportTable table;
  table.caption = "Benchmarks, their data and how they were asked";
  table.head = {{head_cell("Task"), head_cell("Version"), head_cell("Shots", 1, "n"), head_cell("Mode"),
                 head_cell("Items", 1, "n"), head_cell("Documents", 1, "n"), head_cell("Data"),
                 head_cell("SHA-256 of the data"), head_cell("Settings"), head_cell("Engine")}};
  table.groups.push_back({});
  std::set<std::tuple<std::string, std::string, int, std::string, std::string, std::string>> seen;
  for (const auto& measure : input.measures) {
    const auto engine = fmt::format("{} {} {}", measure.device, measure.dtype, measure.kernels);
    if (!seen.insert({measure.task, measure.data_hash, measure.shots, measure.settings_json, measure.mode, engine})
             .second)
      continue;
    table.groups[0].rows.push_back(
        {head_cell(measure.task), text_cell(measure.version), number_cell(measure.shots, count(measure.shots)),
         text_cell(measure.mode), number_cell(static_cast<double>(measure.items), count(measure.items)),
         number_cell(static_cast<double>(measure.documents), count(measure.documents)), text_cell(measure.data_origin),
         hash_cell(measure.data_hash), text_cell(Piece{shortened(measure.settings_json, 400).text, Look::code}, "wide"),
         text_cell(engine)});
  }
  const auto rows = table.groups[0].rows.size();
  if (rows == 0) return {};
  if (rows <= 20) return {Heading{"Benchmarks"}, std::move(table)};
  return {Heading{"Benchmarks"}, Fold{counted(static_cast<std::int64_t>(rows), "row"), {std::move(table)}}};
}

Blocks remarked(const ReportInput& input) {
  const auto lines = remarks(input);
  if (lines.empty()) return {};
  Lines list;
  for (const auto& line : lines) list.all.emplace_back(line);
  const auto many = static_cast<std::int64_t>(lines.size());
  const Heading heading{"Remarks on the data and prompts"};
  if (many <= 20) return {heading, std::move(list)};
  return {heading, Fold{counted(many, "remark"), {std::move(list)}}};
}

Blocks environments(const ReportInput& input) {
  Blocks out;
  for (const auto& one : input.environments) {
    if (out.empty()) out.push_back(Heading{"Machine and program"});
    out.push_back(Facts{{{"touchstone", one.code_version},
                         {"LibTorch", one.libtorch},
                         {"Compiler", one.compiler},
                         {"Processor", one.cpu + ", " + counted(one.cores, "core")},
                         {"System", one.system}}});
  }
  return out;
}

constexpr std::string_view by_hand =
    "The database answers the same questions: `sqlite3 results.sqlite \"SELECT * FROM \\\"drop\\\"\"`, and likewise "
    "the "
    "views `scores`, `calibration` and `flips`. `touchstone report --format csv` gives every number of this page at "
    "full "
    "precision.";

Blocks provenance_blocks(const ReportInput& input) {
  Blocks out;
  for (const auto& part : {runs(input), environments(input), models(input), data(input), remarked(input)}) {
    out.insert(out.end(), part.begin(), part.end());
  }
  out.push_back(Heading{"By hand"});
  out.push_back(Paragraph{prose(by_hand)});
  return out;
}

}  // namespace
}  // namespace reports

namespace plugins {
void provenance(SectionBook& book) {
  book.add({.name = "provenance", .title = "Provenance", .order = 130, .blocks = reports::provenance_blocks});
}
}  // namespace plugins
}  // namespace touchstone
