#include <fmt/format.h>

#include <algorithm>

#include "harness/measure/direction.hpp"
#include "harness/report/section.hpp"
#include "reports/blocks.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"
#include "reports/words.hpp"

namespace touchstone {
namespace reports {
namespace {

// The loss as a share of the distance from guessing to a perfect score.
double chance_corrected(const ArmTask& task) {
  const double drop = as_share(-task.change, task.unit);
  return task.chance < 1 ? drop / (1 - task.chance) : drop;
}

RichText outcome(const ArmTask& task) {
  if (!shown(task)) return "not shown";
  return task.change < 0 ? loss("▼ dropped") : gain("▲ rose");
}

TableRow task_row(const Arm& arm, const ArmTask& task) {
  const auto& unit = task.unit;
  return {head_cell(arm.method),
          text_cell(task.higher_is_better ? task.task : fmt::format("{} ({})", task.task, direction_note(false))),
          number_cell(static_cast<double>(task.items), count(task.items)),
          number_cell(task.before, points(task.before, unit)),
          number_cell(task.after, points(task.after, unit)),
          number_cell(-task.change, strong(change_points(-task.change, unit))),
          among_numbers(interval_points({-task.interval.high, -task.interval.low}, true, unit)),
          unit.in_points() ? number_cell(chance_corrected(task), change_points(chance_corrected(task)))
                           : among_numbers("–"),
          number_cell(static_cast<double>(task.lost), count(task.lost)),
          number_cell(static_cast<double>(task.gained), count(task.gained)),
          number_cell(task.p_value, p_value(task.p_value)),
          number_cell(task.p_adjusted, p_value(task.p_adjusted)),
          text_cell(outcome(task)),
          number_cell(task.detectable, points(task.detectable, unit))};
}

TableRow mean_row(const Arm& arm) {
  const bool all = std::all_of(arm.tasks.begin(), arm.tasks.end(),
                               [](const ArmTask& task) { return task.trained_on || task.unit.in_points(); });
  TableRow row = {head_cell(arm.method),
                  text_cell(Piece{all ? "mean of all" : "mean of those in points", Look::emphasis})};
  for (int i = 0; i < 3; ++i) row.push_back(among_numbers(""));
  row.push_back(number_cell(arm.mean_drop, strong(change_points(arm.mean_drop))));
  row.push_back(among_numbers(interval_points(arm.mean_drop_interval, true)));
  for (int i = 0; i < 3; ++i) row.push_back(among_numbers(""));
  row.push_back(number_cell(arm.mean_drop_p, p_value(arm.mean_drop_p)));
  row.push_back(number_cell(arm.mean_drop_adjusted, p_value(arm.mean_drop_adjusted)));
  const bool clear = arm.mean_drop_adjusted < significance;
  row.push_back(text_cell(!clear ? RichText("not shown") : arm.mean_drop > 0 ? loss("▼ dropped") : gain("▲ rose")));
  row.push_back(number_cell(arm.mean_drop_detectable, points(arm.mean_drop_detectable)));
  return row;
}

TableRow head() {
  TableRow row = {head_cell("Method"), head_cell("Benchmark")};
  for (const auto* name :
       {"Items", "Before", "After", "Drop", "95 % interval", "Share above chance", "Lost", "Gained", "p", "Holm p"}) {
    row.push_back(head_cell(name, 1, "n"));
  }
  row.push_back(head_cell("Finding"));
  row.push_back(head_cell("Could have shown", 1, "n"));
  return row;
}

bool any_other(const Arm& arm) {
  for (const auto& task : arm.tasks) {
    if (!task.trained_on) return true;
  }
  return false;
}

Blocks drop_blocks(const ReportInput& input) {
  ReportTable table;
  table.classes = "dense";
  table.caption = "Drop on every benchmark that was not trained on, in points or the metric's own unit";
  table.head = {head()};
  for (const auto& arm : input.arms) {
    if (!any_other(arm)) continue;
    const auto heading = arm.model + " trained on " + arm.trained_on;
    if (table.groups.empty() || table.groups.back().heading != heading) table.groups.push_back({heading, {}});
    auto& rows = table.groups.back().rows;
    for (const auto& task : arm.tasks) {
      if (!task.trained_on) rows.push_back(task_row(arm, task));
    }
    rows.push_back(mean_row(arm));
  }
  if (table.groups.empty()) return {};
  return {
      std::move(table),
      note("A positive drop is a loss: before minus after, where less is better after minus before. **Share above "
           "chance**: the drop as a share of the distance from guessing to "
           "all right. **Lost** and **gained**: items right before and wrong after, and the reverse (of graded "
           "scores, items that got worse and better), summed over seeds. **p**: McNemar's test (mid-p) for "
           "right-or-wrong items of one seed, otherwise from the paired "
           "interval. **Holm p**: corrected over the method's benchmarks, and for mean drops over all methods. **Could "
           "have shown**: the smallest change that so many items and seeds show with 80 % power after that "
           "correction.")};
}

}  // namespace
}  // namespace reports

namespace plugins {
void drop(SectionBook& book) {
  book.add({.name = "drop", .title = "Generalization drop", .order = 30, .blocks = reports::drop_blocks});
}
}  // namespace plugins
}  // namespace touchstone
