#include <fmt/format.h>

#include "harness/report/section.hpp"
#include "reports/html.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"

namespace touchstone {
namespace reports {
namespace {

std::string_view state(const CellRow& cell) { return cell.state == CellState::failed ? "failed" : "not finished"; }

std::string page(const ReportInput& input) {
  Table table;
  table.caption = "Cells without a result";
  table.head = {{head_cell("Model"), head_cell("Method"), head_cell("Trained on"), head_cell("Seed", 1, "n"),
                 head_cell("State"), head_cell("Attempts", 1, "n"), head_cell("Error")}};
  table.groups.push_back({});
  for (const auto& cell : input.cells) {
    if (cell.state == CellState::done) continue;
    const auto error = shortened(cell.error, 2000);
    table.groups[0].rows.push_back(
        {head_cell(input.model_label(cell.base_model)), text_cell(cell.method), text_cell(cell.trained_on),
         number_cell(static_cast<double>(cell.seed), fmt::format("{}", cell.seed)), html_cell(std::string(state(cell))),
         number_cell(cell.attempts, count(cell.attempts)),
         html_cell("<span class=\"mono\">" + html(error.text) + "</span>", "error")});
  }
  if (table.groups[0].rows.empty()) return {};
  return render(table) +
         note("Nothing of these cells is in the numbers of this report. The same command again tries them once more.");
}

std::string text(const ReportInput& input) {
  std::string out;
  for (const auto& cell : input.cells) {
    if (cell.state == CellState::done) continue;
    out += fmt::format("- {} {} on {}, seed {}: {}. {}\n", markdown(input.model_label(cell.base_model)),
                       markdown(cell.method), markdown(cell.trained_on), cell.seed, state(cell),
                       markdown(shortened(cell.error, 500).text));
  }
  return out;
}

}  // namespace
}  // namespace reports

namespace plugins {
void failures(SectionBook& book) {
  book.add("failures", {.title = "What failed", .order = 15, .html = reports::page, .markdown = reports::text});
}
}  // namespace plugins
}  // namespace touchstone
