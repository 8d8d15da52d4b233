#include <fmt/format.h>

#include <set>
#include <tuple>

#include "harness/base/json.hpp"
#include "harness/report/section.hpp"
#include "reports/html.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"
#include "reports/words.hpp"

namespace touchstone {
namespace reports {
namespace {

Cell hash_cell(const std::string& hash) {
  return hash.empty() ? html_cell("–")
                      : html_cell(fmt::format("<code title=\"{}\">{}</code>", html(hash), html(short_hash(hash))));
}

std::string pretty(const std::string& json) {
  try {
    return parse_json(json, "plan").dump(2, ' ', false, Json::error_handler_t::replace);
  } catch (const Error&) {
    return json;  // shown as it is
  }
}

std::string runs(const ReportInput& input) {
  if (input.runs.empty()) return {};
  Table table;
  table.caption = "Runs";
  table.head = {{head_cell("Run", 1, "n"), head_cell("Plan"), head_cell("State"), head_cell("Started (UTC)"),
                 head_cell("Finished (UTC)"), head_cell("Time", 1, "n"), head_cell("Hash of the plan")}};
  table.groups.push_back({});
  std::string plans;
  for (const auto& run : input.runs) {
    table.groups[0].rows.push_back({number_cell(static_cast<double>(run.id), count(run.id)), text_cell(run.name),
                                    text_cell(run.state), text_cell(run.started_utc), text_cell(run.finished_utc),
                                    number_cell(run.seconds, duration(run.seconds)), hash_cell(run.plan_hash)});
    const auto plan = shortened(pretty(run.plan_json), 20000);
    plans += details(fmt::format("The plan of run {}", run.id),
                     "<p>Saved as <code>plan.json</code>, <code>touchstone run plan.json</code> makes the same cells "
                     "again.</p><pre>" +
                         html(plan.text) + "</pre>");
  }
  return "<h3>Runs</h3>\n" + render(table) + plans;
}

std::string models(const ReportInput& input) {
  if (input.models.empty()) return {};
  Table table;
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
  return "<h3>Models</h3>\n" + render(table);
}

std::string data(const ReportInput& input) {
  Table table;
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
         hash_cell(measure.data_hash),
         html_cell("<code>" + html(shortened(measure.settings_json, 400).text) + "</code>", "wide"),
         text_cell(engine)});
  }
  const auto rows = table.groups[0].rows.size();
  if (rows == 0) return {};
  const auto body = render(table);
  return "<h3>Benchmarks</h3>\n" + (rows > 20 ? details(counted(static_cast<std::int64_t>(rows), "row"), body) : body);
}

std::string remarked(const ReportInput& input) {
  const auto lines = remarks(input);
  if (lines.empty()) return {};
  std::string list = "<ul>\n";
  for (const auto& line : lines) list += "<li>" + html(line) + "</li>\n";
  list += "</ul>\n";
  const auto many = static_cast<std::int64_t>(lines.size());
  return "<h3>Remarks on the data and prompts</h3>\n" + (many > 20 ? details(counted(many, "remark"), list) : list);
}

std::string environments(const ReportInput& input) {
  std::string out;
  for (const auto& one : input.environments) {
    out += fmt::format(
        "<dl class=\"facts\"><dt>touchstone</dt><dd>{}</dd><dt>LibTorch</dt><dd>{}</dd><dt>Compiler</dt><dd>{}</dd>"
        "<dt>Processor</dt><dd>{}, {}</dd><dt>System</dt><dd>{}</dd></dl>\n",
        html(one.code_version), html(one.libtorch), html(one.compiler), html(one.cpu), counted(one.cores, "core"),
        html(one.system));
  }
  return out.empty() ? out : "<h3>Machine and program</h3>\n" + out;
}

constexpr std::string_view by_hand =
    "<h3>By hand</h3>\n<p>The database answers the same questions: <code>sqlite3 results.sqlite \"SELECT * FROM "
    "\\\"drop\\\"\"</code>, and "
    "likewise the views <code>scores</code>, <code>calibration</code> and <code>flips</code>. <code>touchstone report "
    "--format csv</code> "
    "gives every number of this page at full precision.</p>\n";

std::string page(const ReportInput& input) {
  return runs(input) + environments(input) + models(input) + data(input) + remarked(input) + std::string(by_hand);
}

std::string text(const ReportInput& input) {
  std::string out;
  for (const auto& run : input.runs) {
    out += fmt::format("- run {}: {}, {}, started {}, {}, plan {}\n", run.id, markdown(run.name), markdown(run.state),
                       markdown(run.started_utc), duration(run.seconds), markdown(short_hash(run.plan_hash)));
  }
  for (const auto& one : input.environments) {
    out += fmt::format("- touchstone {}, LibTorch {}, {}, {} ({}), {}\n", markdown(one.code_version),
                       markdown(one.libtorch), markdown(one.compiler), markdown(one.cpu), counted(one.cores, "core"),
                       markdown(one.system));
  }
  for (const auto& model : input.models) {
    out += fmt::format("- weights {}: {}\n", markdown(model.label), markdown(short_hash(model.hash)));
  }
  return out;
}

}  // namespace
}  // namespace reports

namespace plugins {
void provenance(SectionBook& book) {
  book.add("provenance", {.title = "Provenance", .order = 130, .html = reports::page, .markdown = reports::text});
}
}  // namespace plugins
}  // namespace touchstone
