#include <fmt/format.h>

#include <cmath>
#include <set>

#include "harness/base/text.hpp"
#include "harness/report/section.hpp"
#include "reports/blocks.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"

namespace touchstone {
namespace reports {
namespace {

constexpr std::size_t most_open_rows = 40;

// Counts rows or tokens of training data that did not reach the model whole.
bool is_loss(const std::string& name) {
  for (const std::string_view word : {"truncated", "dropped", "masked_all", "duplicate", "overlap", "skipped",
                                      "unspent", "unfinished", "seam_merged"}) {
    if (name.find(word) != std::string::npos) return true;
  }
  return false;
}

std::string value_text(double value) {
  if (std::isfinite(value) && value == std::floor(value) && std::fabs(value) < 1e15) return count(std::llround(value));
  return significant(value, 4);
}

Cell value_cell(const std::string& name, double value) {
  const bool warn = is_loss(name) && value > 0;
  return number_cell(value, warn ? RichText(loss("▲ " + value_text(value))) : RichText(value_text(value)));
}

std::set<std::string> value_names(const ReportInput& input) {
  std::set<std::string> names;
  for (const auto& [cell, stages] : input.stages) {
    for (const auto& stage : stages) {
      for (const auto& [name, value] : stage.values) names.insert(name);
    }
  }
  return names;
}

Blocks audit_blocks(const ReportInput& input) {
  const auto names = value_names(input);
  if (names.empty()) return {};
  ReportTable table;
  table.caption = "What the stages of each cell did with its training data";
  TableRow head = {head_cell("Method"), head_cell("Trained on"), head_cell("Seed", 1, "n"), head_cell("Stage")};
  for (const auto& name : names) head.push_back(head_cell(replace_all(name, "_", " "), 1, "n"));
  head.push_back(head_cell("Time", 1, "n"));
  table.head = {head};
  table.groups.push_back({});
  for (const auto& cell : input.cells) {
    const auto found = input.stages.find(cell.id);
    if (found == input.stages.end()) continue;
    for (const auto& stage : found->second) {
      if (stage.values.empty()) continue;
      TableRow row = {head_cell(cell.method), text_cell(cell.trained_on),
                      number_cell(static_cast<double>(cell.seed), fmt::format("{}", cell.seed)),
                      text_cell(fmt::format("{} {}", stage.stage, stage.name))};
      for (const auto& name : names) {
        const auto value = stage.values.find(name);
        row.push_back(value == stage.values.end() ? among_numbers("") : value_cell(name, value->second));
      }
      row.push_back(number_cell(stage.seconds, duration(stage.seconds)));
      table.groups[0].rows.push_back(std::move(row));
    }
  }
  const auto rows = table.groups[0].rows.size();
  if (rows == 0) return {};
  Blocks out;
  if (rows > most_open_rows) {
    out.push_back(Fold{counted(static_cast<std::int64_t>(rows), "row"), {std::move(table)}});
  } else {
    out.push_back(std::move(table));
  }
  out.push_back(
      note("▲ marks data that did not reach the model whole: rows cut at the length limit, dropped, left without a "
           "label or unspent, and answers that the limit of new tokens cut."));
  return out;
}

}  // namespace
}  // namespace reports

namespace plugins {
void audit(SectionBook& book) {
  book.add({.name = "audit", .title = "Training data", .order = 100, .blocks = reports::audit_blocks, .is_long = true});
}
}  // namespace plugins
}  // namespace touchstone
