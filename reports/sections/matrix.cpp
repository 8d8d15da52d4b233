#include <fmt/format.h>

#include <cmath>
#include <set>

#include "harness/report/section.hpp"
#include "reports/blocks.hpp"
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
  const RichText mark = !shown(task) ? RichText() : task.change > 0 ? "▲ " : "▼ ";
  return number_cell(task.change,
                     RichText(mark) + strong(change_points(task.change, unit)) +
                         small(interval_points(task.interval, true, unit)) + small("to " + points(task.after, unit)) +
                         (task.trained_on ? RichText(Piece{" trained on", Look::unseen}) : RichText()),
                     classes);
}

Cell drop_cell(double drop, std::string detail) {
  if (!std::isfinite(drop)) return among_numbers("–");
  return number_cell(drop, RichText(strong(change_points(drop))) + small(std::move(detail)));
}

TableRow base_row(const ReportInput& input, std::int64_t model) {
  TableRow row = {head_cell("before training")};
  for (const auto& name : input.tasks) {
    const ArmTask* found = nullptr;
    for (const auto& arm : input.arms) {
      if (arm.base_model == model && found == nullptr) found = find(arm, name);
    }
    if (found == nullptr) {
      row.push_back(among_numbers("–"));
      continue;
    }
    const auto& unit = found->unit;
    row.push_back(number_cell(found->before, RichText(strong(points(found->before, unit))) +
                                                 small(counted(found->items, "item")) +
                                                 small("chance " + points(found->chance, unit))));
  }
  row.push_back(among_numbers(""));
  row.push_back(among_numbers(""));
  return row;
}

TableRow arm_row(const ReportInput& input, const Arm& arm) {
  auto head = head_cell(arm.method);
  head.text += small(counted(static_cast<std::int64_t>(arm.changes.size()), "seed"));
  TableRow row = {std::move(head)};
  for (const auto& name : input.tasks) {
    const auto* task = find(arm, name);
    row.push_back(task == nullptr ? among_numbers("–") : change_cell(*task));
  }
  row.push_back(drop_cell(arm.mean_drop, interval_points(arm.mean_drop_interval, true)));
  row.push_back(drop_cell(arm.worst_drop, arm.worst_task));
  return row;
}

ReportTable matrix_table_of(const ReportInput& input, std::int64_t model) {
  ReportTable table;
  table.caption =
      "Change against " + input.model_label(model) + " in points, with its 95 % interval and the score reached";
  table.classes = "matrix";
  TableRow head = {head_cell("Method")};
  for (const auto& name : input.tasks) head.push_back(head_cell(task_label(input, name), 1, "n"));
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

constexpr std::string_view matrix_legend =
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

Blocks matrix_blocks(const ReportInput& input) {
  if (input.arms.empty()) return {};
  Blocks out = {PageOnly{std::string(matrix_legend)}};
  for (const auto model : base_models(input)) out.push_back(matrix_table_of(input, model));
  return out;
}

}  // namespace
}  // namespace reports

namespace plugins {
void matrix(SectionBook& book) {
  book.add({.name = "matrix", .title = "Methods and benchmarks", .order = 20, .blocks = reports::matrix_blocks});
}
}  // namespace plugins
}  // namespace touchstone
