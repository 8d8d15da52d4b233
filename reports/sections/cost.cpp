#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "harness/report/section.hpp"
#include "reports/blocks.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"

namespace touchstone {
namespace reports {
namespace {

// Tokens a second over the training steps only; nan where no step was timed.
double speed(const ReportInput& input, const CellRow& cell) {
  const auto found = input.curves.find(cell.id);
  double tokens = 0;
  double seconds = 0;
  if (found != input.curves.end()) {
    for (const auto& point : found->second) {
      tokens += static_cast<double>(point.tokens);
      seconds += point.seconds;
    }
  }
  return tokens / seconds;
}

/// Sums over all stages; measuring has a table of its own.
double training_seconds(const ReportInput& input, const CellRow& cell) {
  const auto found = input.stages.find(cell.id);
  if (found == input.stages.end()) return std::nan("");
  double seconds = 0;
  for (const auto& stage : found->second) seconds += stage.seconds;
  return seconds;
}

Blocks cells(const ReportInput& input) {
  ReportTable table;
  table.caption = "What training cost";
  table.head = {{head_cell("Method"), head_cell("Trained on"), head_cell("Seed", 1, "n"), head_cell("Time", 1, "n"),
                 head_cell("Steps", 1, "n"), head_cell("Tokens", 1, "n"), head_cell("Tokens/s", 1, "n"),
                 head_cell("Peak memory", 1, "n"), head_cell("Attempts", 1, "n")}};
  table.groups.push_back({});
  for (const auto& cell : input.cells) {
    if (cell.state != CellState::done) continue;
    const double tokens_a_second = speed(input, cell);
    const double seconds = training_seconds(input, cell);
    table.groups[0].rows.push_back({head_cell(cell.method), text_cell(cell.trained_on),
                                    number_cell(static_cast<double>(cell.seed), fmt::format("{}", cell.seed)),
                                    number_cell(seconds, duration(seconds)),
                                    number_cell(static_cast<double>(cell.steps), count(cell.steps)),
                                    number_cell(static_cast<double>(cell.tokens), count(cell.tokens)),
                                    number_cell(tokens_a_second, fixed(tokens_a_second, 0)),
                                    number_cell(static_cast<double>(cell.peak_bytes), bytes(cell.peak_bytes)),
                                    number_cell(cell.attempts, count(cell.attempts))});
  }
  if (table.groups[0].rows.empty()) return {};
  return {
      std::move(table),
      note("Time is that of the stages, without measuring. Peak memory is the process's while the cell was trained; "
           "cells that ran beside others have the sum of all.")};
}

Blocks measuring(const ReportInput& input) {
  ReportTable table;
  table.caption = "What measuring cost, all models together";
  table.head = {{head_cell("Benchmark"), head_cell("Measures", 1, "n"), head_cell("Items", 1, "n"),
                 head_cell("Time", 1, "n"), head_cell("Items/s", 1, "n")}};
  table.groups.push_back({});
  std::vector<std::string> names;
  for (const auto& measure : input.measures) {
    const auto& name = measure.benchmark.empty() ? measure.task : measure.benchmark;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  for (const auto& name : names) {
    std::int64_t measures = 0;
    std::int64_t items = 0;
    double seconds = 0;
    for (const auto& measure : input.measures) {
      if ((measure.benchmark.empty() ? measure.task : measure.benchmark) != name) continue;
      ++measures;
      items += measure.items;
      seconds += measure.seconds;
    }
    if (measures == 0) continue;
    table.groups[0].rows.push_back(
        {head_cell(name), number_cell(static_cast<double>(measures), count(measures)),
         number_cell(static_cast<double>(items), count(items)), number_cell(seconds, duration(seconds)),
         number_cell(static_cast<double>(items) / seconds, fixed(static_cast<double>(items) / seconds, 1))});
  }
  if (table.groups[0].rows.empty()) return {};
  return {std::move(table)};
}

Blocks cost_blocks(const ReportInput& input) {
  auto out = cells(input);
  for (auto& block : measuring(input)) out.push_back(std::move(block));
  return out;
}

}  // namespace
}  // namespace reports

namespace plugins {
void cost(SectionBook& book) {
  book.add({.name = "cost", .title = "Cost", .order = 110, .blocks = reports::cost_blocks});
}
}  // namespace plugins
}  // namespace touchstone
