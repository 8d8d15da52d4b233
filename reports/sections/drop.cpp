#include <fmt/format.h>

#include "harness/report/section.hpp"
#include "reports/html.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"
#include "reports/words.hpp"

namespace touchstone {
namespace reports {
namespace {

// Share of the way from guessing to perfect, lost.
double chance_corrected(const ArmTask& task) {
  const double drop = as_share(-task.change, task.unit);
  return task.chance < 1 ? drop / (1 - task.chance) : drop;
}

std::string outcome(const ArmTask& task) {
  if (!shown(task)) return "<span>not shown</span>";
  return task.change < 0 ? "<span class=\"loss\">▼ dropped</span>" : "<span class=\"gain\">▲ rose</span>";
}

Row task_row(const Arm& arm, const ArmTask& task) {
  const auto& unit = task.unit;
  return {head_cell(arm.method),
          text_cell(task.task),
          number_cell(static_cast<double>(task.items), count(task.items)),
          number_cell(task.before, points(task.before, unit)),
          number_cell(task.after, points(task.after, unit)),
          number_cell(-task.change, "<b>" + change_points(-task.change, unit) + "</b>"),
          html_cell(interval_points({-task.interval.high, -task.interval.low}, true, unit), "n"),
          unit.in_points() ? number_cell(chance_corrected(task), change_points(chance_corrected(task)))
                           : html_cell("–", "n"),
          number_cell(static_cast<double>(task.lost), count(task.lost)),
          number_cell(static_cast<double>(task.gained), count(task.gained)),
          number_cell(task.p_value, p_value(task.p_value)),
          number_cell(task.p_adjusted, p_value(task.p_adjusted)),
          html_cell(outcome(task)),
          number_cell(task.detectable, points(task.detectable, unit))};
}

Row mean_row(const Arm& arm) {
  Row row = {head_cell(arm.method), html_cell("<em>mean of all</em>")};
  for (int i = 0; i < 3; ++i) row.push_back(html_cell("", "n"));
  row.push_back(number_cell(arm.mean_drop, "<b>" + change_points(arm.mean_drop) + "</b>"));
  row.push_back(html_cell(interval_points(arm.mean_drop_interval, true), "n"));
  for (int i = 0; i < 7; ++i) row.push_back(html_cell("", "n"));
  return row;
}

Row head() {
  Row row = {head_cell("Method"), head_cell("Benchmark")};
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

std::string page(const ReportInput& input) {
  Table table;
  table.caption = "Drop (before minus after, in points) on every benchmark that was not trained on";
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
  return render(table) +
         note(
             "A positive drop is a loss. <b>Share above chance</b>: the drop as a share of the distance from "
             "guessing to "
             "all right. <b>Lost</b> and <b>gained</b>: items right before and wrong after, and the reverse, summed "
             "over seeds. "
             "<b>p</b>: McNemar's exact test for right-or-wrong items of one seed, otherwise from the paired interval. "
             "<b>Could have shown</b>: the smallest change that this many items show with 80 % power at alpha 0.05.");
}

std::string text(const ReportInput& input) {
  std::string out =
      "| Trained on | Method | Benchmark | Items | Before | After | Drop | 95 % interval | Holm p | Could have shown "
      "|\n"
      "| --- | --- | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |\n";
  bool any = false;
  for (const auto& arm : input.arms) {
    for (const auto& task : arm.tasks) {
      if (task.trained_on) continue;
      any = true;
      const auto& unit = task.unit;
      out += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", markdown(arm.trained_on),
                         markdown(arm.method), markdown(task.task), count(task.items), points(task.before, unit),
                         points(task.after, unit), change_points(-task.change, unit),
                         interval_points({-task.interval.high, -task.interval.low}, true, unit),
                         p_value(task.p_adjusted), points(task.detectable, unit));
    }
  }
  return any ? out : std::string();
}

}  // namespace
}  // namespace reports

namespace plugins {
void drop(SectionBook& book) {
  book.add("drop", {.title = "Generalization drop", .order = 30, .html = reports::page, .markdown = reports::text});
}
}  // namespace plugins
}  // namespace touchstone
