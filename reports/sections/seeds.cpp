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

struct Dot {
  std::uint64_t seed = 0;
  double change = 0.0;
};

struct SeedsEntry {
  const Arm* arm = nullptr;
  const ArmTask* task = nullptr;
  std::vector<Dot> seeds;
};

std::vector<SeedsEntry> seeds_entries(const ReportInput& input, const std::string& name) {
  std::vector<SeedsEntry> all;
  for (const auto& arm : input.arms) {
    for (const auto& task : arm.tasks) {
      if (task.task != name || task.seeds.size() < 2) continue;
      SeedsEntry entry{&arm, &task, {}};
      for (const auto& seed : task.seeds) entry.seeds.push_back({seed.seed, seed.change});
      all.push_back(std::move(entry));
    }
  }
  return all;
}

double seeds_reach(const std::vector<SeedsEntry>& all) {
  double far = all.front().task->unit.in_points() ? 0.01 : 1e-9;
  for (const auto& entry : all) {
    const auto& unit = entry.task->unit;
    for (const auto& dot : entry.seeds) {
      if (std::isfinite(dot.change)) far = std::max(far, std::fabs(as_share(dot.change, unit)));
    }
  }
  return far * 1.08;
}

Figure seeds_panel(const std::vector<SeedsEntry>& all, const std::string& name, std::size_t number) {
  Frame frame{.width = 400, .height = 0, .left = 140, .right = 44, .top = 8, .bottom = 34};
  frame.height = frame.top + frame.bottom + 18.0 * static_cast<double>(all.size());
  const double far = seeds_reach(all);
  const Axis x = change_axis(far, 4, all.front().task->unit.name);
  const Axis y{.low = static_cast<double>(all.size()) - 0.5, .high = -0.5, .label = {}, .write = {}};
  Chart chart(frame, x, y);
  chart.grid_x();
  chart.segment({0, y.low}, {0, y.high}, "zero");
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& entry = all[i];
    const auto& unit = entry.task->unit;
    const auto row = static_cast<double>(i);
    for (const auto& dot : entry.seeds) {
      if (!std::isfinite(dot.change)) continue;
      chart.mark({as_share(dot.change, unit), row}, 0, 3.5, "ln open c0",
                 fmt::format("{}, seed {}: {}", arm_name(*entry.arm), dot.seed, change_points(dot.change, unit)));
    }
    chart.mark({as_share(entry.task->change, unit), row}, 5, 4, "ln c1",
               "mean " + change_points(entry.task->change, unit));
    const auto label = shortened(inert(arm_name(*entry.arm)), 30);
    chart.text(0, chart.y(row) + 4, label.cut > 0 ? label.text + "…" : label.text, "t");
    chart.text(frame.width, chart.y(row) + 4, change_points(entry.task->change, unit), "e t");
  }
  return {name,
          chart.svg(fmt::format("seeds-{}", number), "Change on " + name + " by seed",
                    "One dot a seed, a cross at their mean."),
          ""};
}

ReportTable seeds_table_of(const std::vector<std::vector<SeedsEntry>>& benchmarks) {
  ReportTable table;
  table.caption = "How much seeds differ, beside the error of the items (points)";
  table.head = {{head_cell("Method"), head_cell("Benchmark"), head_cell("Seeds", 1, "n"),
                 head_cell("Mean change", 1, "n"), head_cell("sd between seeds", 1, "n"),
                 head_cell("Error of the items", 1, "n"), head_cell("Error of the mean", 1, "n")}};
  table.groups.push_back({});
  for (const auto& all : benchmarks) {
    for (const auto& entry : all) {
      const auto& task = *entry.task;
      const auto& unit = task.unit;
      table.groups[0].rows.push_back(
          {head_cell(arm_name(*entry.arm)), text_cell(task_label(task)),
           number_cell(static_cast<double>(entry.seeds.size()), count(static_cast<std::int64_t>(entry.seeds.size()))),
           number_cell(task.change, change_points(task.change, unit)),
           number_cell(task.seed_deviation, fixed(task.seed_deviation * unit.scale, 2)),
           number_cell(task.item_stderror, fixed(task.item_stderror * unit.scale, 2)),
           number_cell(task.stderror, fixed(task.stderror * unit.scale, 2))});
    }
  }
  return table;
}

Blocks seeds_blocks(const ReportInput& input) {
  std::vector<std::vector<SeedsEntry>> benchmarks;
  Figures panels{"large", {}};
  for (std::size_t i = 0; i < input.tasks.size(); ++i) {
    auto all = seeds_entries(input, input.tasks[i]);
    if (all.empty()) continue;
    panels.all.push_back(seeds_panel(all, input.tasks[i], i));
    benchmarks.push_back(std::move(all));
  }
  if (benchmarks.empty()) return {};
  return {std::move(panels), Fold{"The numbers", {seeds_table_of(benchmarks)}},
          note("Hollow: one seed; cross: their mean. Where seeds differ by more than the items' error explains, more "
               "seeds say more than "
               "more items would.")};
}

}  // namespace
}  // namespace reports

namespace plugins {
void seeds(SectionBook& book) {
  book.add({.name = "seeds", .title = "Seeds", .order = 90, .blocks = reports::seeds_blocks, .is_long = true});
}
}  // namespace plugins
}  // namespace touchstone
