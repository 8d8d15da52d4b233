#include "harness/report/section.hpp"
#include "reports/blocks.hpp"
#include "reports/numbers.hpp"
#include "reports/words.hpp"

namespace touchstone {
namespace reports {
namespace {

/// After - before, as it stands: what an arm calls a change is positive when better.
double as_it_stands(double change, const FurtherMetric& metric) { return metric.higher_is_better ? change : -change; }

TableRow further_row(const FurtherMetric& metric, const Arm& arm, const ArmTask& task) {
  const auto& unit = task.unit;
  const double change = as_it_stands(task.change, metric);
  auto interval = task.interval;
  if (!metric.higher_is_better) interval = {-task.interval.high, -task.interval.low};
  const auto seeds = static_cast<double>(task.seeds.size());
  return {head_cell(metric.name),
          text_cell(arm.method),
          text_cell(task.trained_on ? RichText(task.task) + small(" trained on") : RichText(task.task)),
          number_cell(static_cast<double>(task.items), count(task.items)),
          number_cell(seeds, count(static_cast<std::int64_t>(task.seeds.size()))),
          number_cell(task.before, points(task.before, unit)),
          number_cell(task.after, points(task.after, unit)),
          number_cell(change, strong(change_points(change, unit))),
          among_numbers(interval_points(interval, true, unit)),
          number_cell(task.seed_deviation, fixed(task.seed_deviation * unit.scale, unit.in_points() ? 1 : 3)),
          number_cell(task.p_adjusted, p_value(task.p_adjusted)),
          number_cell(task.detectable, points(task.detectable, unit)),
          text_cell(unit.name)};
}

TableRow further_head() {
  TableRow row = {head_cell("Metric"), head_cell("Method"), head_cell("Benchmark")};
  for (const auto* name : {"Items", "Seeds", "Base", "After", "Change", "95 % interval", "sd between seeds", "Holm p",
                           "Could have shown"}) {
    row.push_back(head_cell(name, 1, "n"));
  }
  row.push_back(head_cell("Unit"));
  return row;
}

RowGroup& further_group(ReportTable& table, const std::string& heading) {
  for (auto& group : table.groups) {
    if (group.heading == heading) return group;
  }
  return table.groups.emplace_back(RowGroup{heading, {}});
}

Blocks metrics_blocks(const ReportInput& input) {
  ReportTable table;
  table.classes = "dense";
  table.caption = "Metrics beside the benchmarks' own, before and after training";
  table.head = {further_head()};
  for (const auto& metric : input.further) {
    for (const auto& arm : metric.arms) {
      auto& group = further_group(table, arm.model + " trained on " + arm.trained_on);
      for (const auto& task : arm.tasks) group.rows.push_back(further_row(metric, arm, task));
    }
  }
  if (table.groups.empty()) return {};
  return {std::move(table),
          note("Paired by item, over items and seeds together. **Change** is after minus base, whichever direction is "
               "better; divergences and deviation from the base are 0 for the base itself. **Holm p**: for one metric, "
               "corrected over a method's benchmarks not trained on, or over all methods on what they were trained on. "
               "**Could have shown**: the smallest change that so many items and seeds show with 80 % power after that "
               "correction. `touchstone list metrics` says what each is.")};
}

}  // namespace
}  // namespace reports

namespace plugins {
void metrics(SectionBook& book) {
  book.add({.name = "metrics", .title = "Further metrics", .order = 50, .blocks = reports::metrics_blocks});
}
}  // namespace plugins
}  // namespace touchstone
