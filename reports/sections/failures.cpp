#include <fmt/format.h>

#include "harness/report/section.hpp"
#include "reports/blocks.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"

namespace touchstone {
namespace reports {
namespace {

std::string_view state(const CellRow& cell) { return cell.state == CellState::failed ? "failed" : "not finished"; }

Blocks failures_blocks(const ReportInput& input) {
  ReportTable table;
  table.caption = "Cells without a result";
  table.head = {{head_cell("Model"), head_cell("Method"), head_cell("Trained on"), head_cell("Seed", 1, "n"),
                 head_cell("State"), head_cell("Attempts", 1, "n"), head_cell("Error")}};
  table.groups.push_back({});
  for (const auto& cell : input.cells) {
    if (cell.state == CellState::done) continue;
    const auto error = shortened(cell.error, 2000);
    table.groups[0].rows.push_back(
        {head_cell(input.model_label(cell.base_model)), text_cell(cell.method), text_cell(cell.trained_on),
         number_cell(static_cast<double>(cell.seed), fmt::format("{}", cell.seed)), text_cell(std::string(state(cell))),
         number_cell(cell.attempts, count(cell.attempts)), text_cell(Piece{error.text, Look::mono}, "error")});
  }
  if (table.groups[0].rows.empty()) return {};
  return {
      std::move(table),
      note("Nothing of these cells is in the numbers of this report. The same command again tries them once more.")};
}

}  // namespace
}  // namespace reports

namespace plugins {
void failures(SectionBook& book) {
  book.add({.name = "failures", .title = "What failed", .order = 27, .blocks = reports::failures_blocks});
}
}  // namespace plugins
}  // namespace touchstone
