#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "harness/report/section.hpp"
#include "reports/blocks.hpp"
#include "reports/chart.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"
#include "reports/words.hpp"

namespace touchstone {
namespace reports {
namespace {

struct ForestEntry {
  const Arm* arm = nullptr;
  const ArmTask* task = nullptr;
};

std::vector<ForestEntry> forest_entries(const ReportInput& input, const std::string& name) {
  std::vector<ForestEntry> all;
  for (const auto& arm : input.arms) {
    for (const auto& task : arm.tasks) {
      if (task.task == name && std::isfinite(task.change)) all.push_back({&arm, &task});
    }
  }
  return all;
}

// Symmetric about no change, wide enough for every interval, the same in all panels of one unit.
double forest_reach(const ReportInput& input, const std::string& unit_name) {
  double far = unit_name == MetricUnit().name ? 2 * forgetting_margin : 0.0;
  for (const auto& arm : input.arms) {
    for (const auto& task : arm.tasks) {
      if (task.unit.name != unit_name) continue;
      const auto& unit = task.unit;
      for (const double end : {task.interval.low, task.interval.high, task.change}) {
        if (std::isfinite(end)) far = std::max(far, std::fabs(as_share(end, unit)));
      }
    }
  }
  return far > 0.0 ? far : 2 * forgetting_margin;
}

std::string label(const Arm& arm, bool several) {
  auto text = arm_name(arm);
  if (several) text += " (" + arm.model + ")";
  const auto cut = shortened(inert(text), 30);
  return cut.cut > 0 ? cut.text + "…" : cut.text;
}

void draw_forest(Chart& chart, const ForestEntry& entry, double row, bool several) {
  const auto& task = *entry.task;
  const auto& unit = task.unit;
  const std::string_view style = !shown(task) ? "sn" : task.change > 0 ? "sg" : "sl";
  const auto hint = fmt::format("{}: {} {}, Holm p {}{}", arm_name(*entry.arm), change_points(task.change, unit),
                                interval_points(task.interval, true, unit), p_value(task.p_adjusted),
                                task.trained_on ? ", trained on" : "");
  if (std::isfinite(task.interval.low) && std::isfinite(task.interval.high)) {
    chart.segment({as_share(task.interval.low, unit), row}, {as_share(task.interval.high, unit), row},
                  fmt::format("ci {}", style));
  }
  chart.mark({as_share(task.change, unit), row}, task.trained_on ? 2 : 0, 4, style, hint);
  chart.text(0, chart.y(row) + 4, label(*entry.arm, several), task.trained_on ? "b" : "t");
  chart.text(chart.frame().width, chart.y(row) + 4, change_points(task.change, unit), "e t");
}

std::string finding(const std::vector<ForestEntry>& all) {
  int dropped = 0;
  int risen = 0;
  for (const auto& entry : all) {
    if (shown(*entry.task)) ++(entry.task->change < 0 ? dropped : risen);
  }
  return fmt::format("{} shown to drop, {} to rise, {} with no change shown.", dropped, risen,
                     all.size() - static_cast<std::size_t>(dropped + risen));
}

std::optional<Figure> forest_panel(const ReportInput& input, const std::string& name, std::size_t number,
                                   bool several) {
  const auto all = forest_entries(input, name);
  if (all.empty()) return std::nullopt;
  Frame frame{.width = 400, .height = 0, .left = 140, .right = 44, .top = 8, .bottom = 34};
  frame.height = frame.top + frame.bottom + 18.0 * static_cast<double>(all.size());
  const auto& unit = all.front().task->unit;
  const Axis x = change_axis(forest_reach(input, unit.name) * 1.04, 7, unit.name);
  const Axis y{.low = static_cast<double>(all.size()) - 0.5, .high = -0.5, .label = {}, .write = {}};
  Chart chart(frame, x, y);
  if (unit.in_points()) chart.box({-forgetting_margin, y.low}, {forgetting_margin, y.high}, "band");
  chart.grid_x();
  chart.segment({0, y.low}, {0, y.high}, "zero");
  for (std::size_t i = 0; i < all.size(); ++i) draw_forest(chart, all[i], static_cast<double>(i), several);
  return Figure{task_label(input, name),
                chart.svg(fmt::format("forest-{}", number), "Change on " + name,
                          "Point and 95 % interval of the change, one line a method."),
                finding(all)};
}

Blocks forest_blocks(const ReportInput& input) {
  const bool several = std::any_of(input.arms.begin(), input.arms.end(),
                                   [&](const Arm& arm) { return arm.base_model != input.arms[0].base_model; });
  Figures panels{"large", {}};
  for (std::size_t i = 0; i < input.tasks.size(); ++i) {
    if (auto one = forest_panel(input, input.tasks[i], i, several)) panels.all.push_back(std::move(*one));
  }
  if (panels.all.empty()) return {};
  return {std::move(panels),
          note("Points with 95 % intervals; the line in the middle is the model before training, the band one point to "
               "either side. "
               "Filled: shown after Holm's correction; hollow: not shown; a diamond and bold name: trained on this "
               "benchmark. "
               "The numbers stand in the [matrix](#matrix) and the [drop table](#drop).")};
}

}  // namespace
}  // namespace reports

namespace plugins {
void forest(SectionBook& book) {
  book.add({.name = "forest",
            .title = "Change by benchmark",
            .order = 40,
            .blocks = reports::forest_blocks,
            .is_long = true});
}
}  // namespace plugins
}  // namespace touchstone
