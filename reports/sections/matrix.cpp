#include <fmt/format.h>

#include <cmath>
#include <set>

#include "harness/report/section.hpp"
#include "reports/html.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"
#include "reports/words.hpp"

namespace touchstone {
namespace reports {
namespace {

// Steps of the colour scale, in points of change: the same in every report, so that two reports can be compared by eye.
std::string heat(double change_in_points) {
  const double size = std::fabs(change_in_points);
  if (size < 0.5) return "z";
  const char step = size < 2 ? '1' : size < 5 ? '2' : size < 10 ? '3' : '4';
  return {change_in_points > 0 ? 'g' : 'l', step};
}

const ArmTask* find(const Arm& arm, const std::string& name) {
  for (const auto& task : arm.tasks) {
    if (task.task == name) return &task;
  }
  return nullptr;
}

Cell change_cell(const ArmTask& task) {
  const auto& unit = task.unit;
  std::string classes = heat(task.change * unit.scale);
  if (!shown(task)) classes += " ns";
  if (task.trained_on) classes += " target";
  const std::string_view mark = !shown(task) ? "" : task.change > 0 ? "▲ " : "▼ ";
  return number_cell(
      task.change,
      fmt::format("{}<b>{}</b><small>{}</small><small>to {}</small>{}", mark, change_points(task.change, unit),
                  interval_points(task.interval, true, unit), points(task.after, unit),
                  task.trained_on ? "<span class=\"sr\"> trained on</span>" : ""),
      classes);
}

Cell drop_cell(double drop, std::string detail) {
  if (!std::isfinite(drop)) return html_cell("–", "n");
  return number_cell(drop, fmt::format("<b>{}</b><small>{}</small>", change_points(drop), detail));
}

Row base_row(const ReportInput& input, std::int64_t model) {
  Row row = {head_cell("before training")};
  for (const auto& name : input.tasks) {
    const ArmTask* found = nullptr;
    for (const auto& arm : input.arms) {
      if (arm.base_model == model && found == nullptr) found = find(arm, name);
    }
    if (found == nullptr) {
      row.push_back(html_cell("–", "n"));
      continue;
    }
    const auto& unit = found->unit;
    row.push_back(number_cell(
        found->before, fmt::format("<b>{}</b><small>{}</small><small>chance {}</small>", points(found->before, unit),
                                   counted(found->items, "item"), points(found->chance, unit))));
  }
  row.push_back(html_cell("", "n"));
  row.push_back(html_cell("", "n"));
  return row;
}

Row arm_row(const ReportInput& input, const Arm& arm) {
  auto head = head_cell(arm.method);
  head.html += "<small>" + counted(static_cast<std::int64_t>(arm.changes.size()), "seed") + "</small>";
  Row row = {std::move(head)};
  for (const auto& name : input.tasks) {
    const auto* task = find(arm, name);
    row.push_back(task == nullptr ? html_cell("–", "n") : change_cell(*task));
  }
  row.push_back(drop_cell(arm.mean_drop, interval_points(arm.mean_drop_interval, true)));
  row.push_back(drop_cell(arm.worst_drop, html(arm.worst_task)));
  return row;
}

Table table_of(const ReportInput& input, std::int64_t model) {
  Table table;
  table.caption =
      "Change against " + input.model_label(model) + " in points, with its 95 % interval and the score reached";
  table.classes = "matrix";
  Row head = {head_cell("Method")};
  for (const auto& name : input.tasks) head.push_back(head_cell(name, 1, "n"));
  head.push_back(head_cell("Mean drop", 1, "n"));
  head.push_back(head_cell("Largest drop", 1, "n"));
  table.head = {head};
  table.groups.push_back({"", {base_row(input, model)}});
  for (const auto& arm : input.arms) {
    if (arm.base_model != model) continue;
    const auto heading = "trained on " + arm.trained_on;
    if (table.groups.back().heading != heading) table.groups.push_back({heading, {}});
    table.groups.back().rows.push_back(arm_row(input, arm));
  }
  return table;
}

constexpr std::string_view legend =
    "<ul class=\"legend\"><li><span class=\"steps\"><span class=\"swatch l4\"></span><span class=\"swatch "
    "l3\"></span><span class=\"swatch "
    "l2\"></span><span class=\"swatch l1\"></span><span class=\"swatch z\"></span><span class=\"swatch "
    "g1\"></span><span class=\"swatch "
    "g2\"></span><span class=\"swatch g3\"></span><span class=\"swatch g4\"></span></span> −10 −5 −2 −0.5 | +0.5 +2 +5 "
    "+10 points</li>"
    "<li><span class=\"swatch z ns\"></span> hatched: no change shown (p ≥ 0.05 after Holm)</li>"
    "<li>▲ ▼ change shown</li><li><span class=\"swatch target\"></span> outlined: trained on</li></ul>\n";

std::vector<std::int64_t> base_models(const ReportInput& input) {
  std::vector<std::int64_t> models;
  for (const auto& arm : input.arms) {
    if (models.empty() || models.back() != arm.base_model) models.push_back(arm.base_model);
  }
  return models;
}

std::string page(const ReportInput& input) {
  if (input.arms.empty()) return {};
  std::string out(legend);
  for (const auto model : base_models(input)) out += render(table_of(input, model));
  return out;
}

std::string text(const ReportInput& input) {
  if (input.arms.empty()) return {};
  std::string out = "| Model | Trained on | Method |";
  std::string rule = "| --- | --- | --- |";
  for (const auto& name : input.tasks) {
    out += " " + markdown(name) + " |";
    rule += " ---: |";
  }
  out += " Mean drop | Largest drop |\n" + rule + " ---: | ---: |\n";
  for (const auto& arm : input.arms) {
    out += fmt::format("| {} | {} | {} |", markdown(arm.model), markdown(arm.trained_on), markdown(arm.method));
    for (const auto& name : input.tasks) {
      const auto* task = find(arm, name);
      if (task == nullptr) {
        out += " – |";
        continue;
      }
      const auto& unit = task->unit;
      const std::string_view mark = shown(*task) ? "**" : "";
      out += fmt::format(" {0}{1}{0} to {2}{3} |", mark, change_points(task->change, unit), points(task->after, unit),
                         task->trained_on ? " (target)" : "");
    }
    out += fmt::format(" {} | {} |\n", change_points(arm.mean_drop), change_points(arm.worst_drop));
  }
  return out + "\nChange in points and the score reached; bold: shown at p &lt; 0.05 after Holm's correction.\n";
}

}  // namespace
}  // namespace reports

namespace plugins {
void matrix(SectionBook& book) {
  book.add("matrix",
           {.title = "Methods and benchmarks", .order = 20, .html = reports::page, .markdown = reports::text});
}
}  // namespace plugins
}  // namespace touchstone
