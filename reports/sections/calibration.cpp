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

constexpr std::size_t most_diagrams = 60;  // keeps a page of 60 runs on 12 benchmarks below 1.5 MB

bool calibrated(const ArmTask& task) { return task.gap.has_value(); }

// Share of the items in each bin, as bars along the bottom: before in the left half of a bin, after in the right one.
void histogram(Chart& chart, const Calibration& calibration, bool after) {
  double all = 0;
  for (const auto& bin : calibration.bins) all += static_cast<double>(bin.items);
  std::string bars;
  for (const auto& bin : calibration.bins) {
    if (bin.items == 0) continue;
    const double middle = (bin.low + bin.high) / 2;
    const double share = static_cast<double>(bin.items) / all;
    bars += "M" + coordinate(chart.x(after ? middle : bin.low)) + " " + coordinate(chart.y(0)) + "V" +
            coordinate(chart.y(share * 0.5)) + "H" + coordinate(chart.x(after ? bin.high : middle)) + "V" +
            coordinate(chart.y(0)) + "Z";
  }
  chart.path(bars, after ? "bar1" : "bar0");
}

void curve(Chart& chart, const Calibration& calibration, bool after) {
  std::vector<Point> corners;
  std::string whiskers;
  for (const auto& bin : calibration.bins) {
    if (bin.items == 0) continue;
    corners.push_back({bin.confidence, bin.accuracy});
    const auto range = wilson(std::llround(bin.accuracy * static_cast<double>(bin.items)), bin.items);
    whiskers += "M" + coordinate(chart.x(bin.confidence)) + " " + coordinate(chart.y(range.low)) + "V" +
                coordinate(chart.y(range.high));
  }
  chart.path(whiskers, after ? "ln thin c1" : "ln thin c0");
  chart.line(corners, after ? "c1" : "c0 d1");
  for (const auto& bin : calibration.bins) {
    if (bin.items == 0) continue;
    chart.mark({bin.confidence, bin.accuracy}, after ? 1 : 0, 3.2, after ? "f1" : "ln open c0",
               fmt::format("{}: confidence {}, right {}, {}", after ? "after" : "before", points(bin.confidence),
                           points(bin.accuracy), counted(bin.items, "item")));
  }
}

Figure diagram(const Arm& arm, const ArmTask& task, std::size_t number) {
  const Frame frame{.width = 250, .height = 236, .left = 30, .right = 8, .top = 16, .bottom = 34};
  const auto write = [](double v) { return fixed(v * 100, 0); };
  Chart chart(frame, {.low = 0, .high = 1, .label = "confidence, %", .write = write},
              {.low = 0, .high = 1, .label = "right, %", .write = write});
  chart.grid_x();
  chart.grid_y();
  chart.segment({0, 0}, {1, 1}, "diag");
  histogram(chart, task.calibration_before, false);
  histogram(chart, task.calibration_after, true);
  curve(chart, task.calibration_before, false);
  curve(chart, task.calibration_after, true);
  const double change = task.calibration_after.ece - task.calibration_before.ece;
  return {arm_name(arm),
          chart.svg(fmt::format("rel-{}", number), "Reliability of " + arm_name(arm) + " on " + task.task,
                    "Share right against confidence, before and after training; bars: share of the items."),
          fmt::format("ECE {} → {} ({})", fixed(task.calibration_before.ece, 3), fixed(task.calibration_after.ece, 3),
                      signed_fixed(change, 3))};
}

void before_after(TableRow& row, double before, double after) {
  row.push_back(number_cell(before, fixed(before, 3)));
  row.push_back(number_cell(after, fixed(after, 3)));
}

double gap_of(const Calibration& calibration) { return calibration.confidence - calibration.accuracy; }

// A change with its interval, behind a mark where it is shown.
RichText marked_change(const SeedMean& change, bool shown, bool worse, int digits) {
  RichText text;
  if (shown) text = RichText(worse ? loss(change.mean > 0 ? "▲" : "▼") : gain(change.mean > 0 ? "▲" : "▼")) + " ";
  return text + strong(signed_fixed(change.mean, digits)) + " " +
         small(fmt::format("[{}, {}]", signed_fixed(change.interval.low, digits),
                           signed_fixed(change.interval.high, digits)));
}

// What is tested of one quantity: its change, the corrected p, and what could have been shown.
void tested(TableRow& row, const SeedMean& change, double adjusted, double tests, bool worse, int digits) {
  row.push_back(number_cell(change.mean, marked_change(change, change_shown(change, adjusted), worse, digits)));
  row.push_back(number_cell(adjusted, p_value(adjusted)));
  const double could = detectable_difference(change.stderror, change.degrees, significance / tests);
  row.push_back(number_cell(could, fixed(could, digits)));
}

TableRow table_row(const Arm& arm, const ArmTask& task, double tests) {
  const auto& before = task.calibration_before;
  const auto& after = task.calibration_after;
  TableRow row = {head_cell(arm.method),
                  text_cell(task.trained_on ? RichText(task.task) + " " + small("(trained on)") : RichText(task.task)),
                  number_cell(static_cast<double>(after.items), count(after.items))};
  row.push_back(number_cell(gap_of(before), signed_fixed(gap_of(before), 3)));
  row.push_back(number_cell(gap_of(after), signed_fixed(gap_of(after), 3)));
  // A signed gap is better towards 0, a squared error downwards.
  tested(row, *task.gap, task.gap_adjusted, tests, std::fabs(gap_of(after)) > std::fabs(gap_of(before)), 3);
  tested(row, *task.squared_error, task.squared_error_adjusted, tests, task.squared_error->mean > 0, 4);
  before_after(row, before.ece, after.ece);
  before_after(row, before.ece_equal_mass, after.ece_equal_mass);
  before_after(row, before.brier, after.brier);
  before_after(row, before.nll, after.nll);
  before_after(row, before.auroc, after.auroc);
  before_after(row, before.confidence, after.confidence);
  return row;
}

ReportTable calibration_table_of(const ReportInput& input) {
  ReportTable table;
  table.classes = "dense";
  table.caption = "Calibration before and after training (lower is better, but for AUROC)";
  TableRow top = {head_cell("", 3)};
  TableRow names = {head_cell("Method"), head_cell("Benchmark"), head_cell("Items", 1, "n")};
  top.push_back(head_cell("Over-confidence", 5, "n"));
  for (const auto* name : {"before", "after", "change", "Holm p", "could have shown"}) {
    names.push_back(head_cell(name, 1, "n"));
  }
  top.push_back(head_cell("Squared error, debiased", 3, "n"));
  for (const auto* name : {"change", "Holm p", "could have shown"}) names.push_back(head_cell(name, 1, "n"));
  for (const auto* name : {"ECE", "ECE, equal mass", "Brier", "NLL", "AUROC", "Mean confidence"}) {
    top.push_back(head_cell(name, 2, "n"));
    names.push_back(head_cell("before", 1, "n"));
    names.push_back(head_cell("after", 1, "n"));
  }
  table.head = {top, names};
  for (const auto& arm : input.arms) {
    const auto heading = arm.model + " trained on " + arm.trained_on;
    const auto tests = static_cast<double>(std::count_if(arm.tasks.begin(), arm.tasks.end(), calibrated));
    for (const auto& task : arm.tasks) {
      if (!calibrated(task)) continue;
      if (table.groups.empty() || table.groups.back().heading != heading) table.groups.push_back({heading, {}});
      table.groups.back().rows.push_back(table_row(arm, task, tests));
    }
  }
  return table;
}

constexpr std::string_view calibration_legend =
    "<ul class=\"legend\"><li><svg class=\"key\" viewBox=\"0 0 30 12\" aria-hidden=\"true\"><path class=\"ln c0 d1\" "
    "d=\"M0 6H30\"/><circle "
    "class=\"ln open c0\" cx=\"15\" cy=\"6\" r=\"3.2\"/></svg> before</li><li><svg class=\"key\" viewBox=\"0 0 30 12\" "
    "aria-hidden=\"true\"><path class=\"ln c1\" d=\"M0 6H30\"/><path class=\"f1\" d=\"M11.8 "
    "2.8h6.4v6.4h-6.4Z\"/></svg> after</li>"
    "<li>dotted: perfectly calibrated</li><li>bars: share of the items</li></ul>\n";

// The diagrams of one benchmark, at most `most` of them.
Figures calibration_benchmark(const ReportInput& input, const std::string& name, std::size_t most, std::size_t& number,
                              std::size_t& left_out) {
  Figures diagrams{"small", {}};
  std::size_t drawn = 0;
  for (const auto& arm : input.arms) {
    for (const auto& task : arm.tasks) {
      if (task.task != name || !calibrated(task)) continue;
      if (drawn++ < most) {
        diagrams.all.push_back(diagram(arm, task, number++));
      } else {
        ++left_out;
      }
    }
  }
  return diagrams;
}

Blocks calibration_blocks(const ReportInput& input) {
  auto table = calibration_table_of(input);
  if (table.groups.empty()) return {};
  std::size_t number = 0;
  std::size_t left_out = 0;
  const auto most = std::max<std::size_t>(1, most_diagrams / input.tasks.size());
  Blocks out = {PageOnly{std::string(calibration_legend)}};
  for (const auto& name : input.tasks) {
    auto diagrams = calibration_benchmark(input, name, most, number, left_out);
    if (!diagrams.all.empty()) out.push_back(Fold{strong(name), {std::move(diagrams)}});
  }
  if (left_out > 0) {
    out.push_back(
        note(fmt::format("{} more are in the table alone.", counted(static_cast<std::int64_t>(left_out), "diagram"))));
  }
  out.push_back(std::move(table));
  out.push_back(note(
      "**Over-confidence**: mean confidence minus the share right; below 0 is under-confident. ▲ ▼: its change is "
      "shown "
      "(p < 0.05 after Holm's correction over the method's benchmarks, and the 95 % interval leaves out 0). **Squared "
      "error, debiased**: "
      "mean squared gap between confidence and accuracy over ten bins of equal count, without the part that few items "
      "alone add; tested likewise. **ECE**: "
      "mean gap between confidence and accuracy over ten bins of equal width, and of equal count; a description, "
      "without a test, because few items alone make it larger. **Brier** and **NLL**: of the probabilities of the "
      "choices, or of right against wrong where there are none. **AUROC**: how well confidence tells right answers "
      "from wrong ones. Over several seeds: the mean; bins are pooled. Bars on the points: Wilson's 95 % interval."));
  return out;
}

}  // namespace
}  // namespace reports

namespace plugins {
void calibration(SectionBook& book) {
  book.add({.name = "calibration", .title = "Calibration", .order = 60, .blocks = reports::calibration_blocks});
}
}  // namespace plugins
}  // namespace touchstone
