#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "harness/report/section.hpp"
#include "reports/chart.hpp"
#include "reports/html.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"
#include "reports/words.hpp"

namespace touchstone {
namespace reports {
namespace {

constexpr std::size_t most_diagrams = 60;  // a page of 60 runs on 12 benchmarks stays below 1.5 MB

bool calibrated(const ArmTask& task) { return task.calibration_before.items > 0 && task.calibration_after.items > 0; }

// Share of the items in each bin, as bars along the bottom: before in the left half of a bin, after in the right one.
void histogram(Chart& chart, const Calibration& calibration, bool after) {
  double all = 0;
  for (const auto& bin : calibration.bins) all += static_cast<double>(bin.items);
  if (all <= 0) return;
  for (const auto& bin : calibration.bins) {
    if (bin.items == 0) continue;
    const double middle = (bin.low + bin.high) / 2;
    const double share = static_cast<double>(bin.items) / all;
    chart.box({after ? middle : bin.low, 0}, {after ? bin.high : middle, share * 0.5}, after ? "bar1" : "bar0");
  }
}

void curve(Chart& chart, const Calibration& calibration, bool after) {
  std::vector<Point> corners;
  for (const auto& bin : calibration.bins) {
    if (bin.items > 0) corners.push_back({bin.confidence, bin.accuracy});
  }
  const std::string_view colour = after ? "c1" : "c0 d1";
  chart.line(corners, colour);
  for (const auto& bin : calibration.bins) {
    if (bin.items == 0) continue;
    const auto range = wilson(std::llround(bin.accuracy * static_cast<double>(bin.items)), bin.items);
    chart.segment({bin.confidence, range.low}, {bin.confidence, range.high}, after ? "ln thin c1" : "ln thin c0");
    chart.mark({bin.confidence, bin.accuracy}, after ? 1 : 0, 3.2, after ? "f1" : "ln open c0",
               fmt::format("{}: confidence {}, right {}, {}", after ? "after" : "before", points(bin.confidence),
                           points(bin.accuracy), counted(bin.items, "item")));
  }
}

std::string diagram(const Arm& arm, const ArmTask& task, std::size_t number) {
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
  return figure(chart.svg(fmt::format("rel-{}", number), "Reliability of " + arm_name(arm) + " on " + task.task,
                          "Share right against confidence, in ten bins, before and after training; bars: share of the "
                          "items in each bin."),
                fmt::format("<b>{}</b>, {}: ECE {} → {} ({})", html(task.task), html(arm_name(arm)),
                            fixed(task.calibration_before.ece, 3), fixed(task.calibration_after.ece, 3),
                            signed_fixed(change, 3)));
}

void before_after(Row& row, double before, double after) {
  row.push_back(number_cell(before, fixed(before, 3)));
  row.push_back(number_cell(after, fixed(after, 3)));
}

Row table_row(const Arm& arm, const ArmTask& task) {
  const auto& before = task.calibration_before;
  const auto& after = task.calibration_after;
  Row row = {head_cell(arm.method), text_cell(task.task + (task.trained_on ? " (trained on)" : "")),
             number_cell(static_cast<double>(after.items), count(after.items))};
  before_after(row, before.ece, after.ece);
  before_after(row, before.ece_equal_mass, after.ece_equal_mass);
  before_after(row, before.brier, after.brier);
  before_after(row, before.nll, after.nll);
  before_after(row, before.auroc, after.auroc);
  before_after(row, before.confidence, after.confidence);
  return row;
}

Table table_of(const ReportInput& input) {
  Table table;
  table.caption = "Calibration before and after training (lower is better, but for AUROC)";
  Row top = {head_cell("", 3)};
  Row names = {head_cell("Method"), head_cell("Benchmark"), head_cell("Items", 1, "n")};
  for (const auto* name : {"ECE", "ECE, equal mass", "Brier", "NLL", "AUROC", "Mean confidence"}) {
    top.push_back(head_cell(name, 2, "n"));
    names.push_back(head_cell("before", 1, "n"));
    names.push_back(head_cell("after", 1, "n"));
  }
  table.head = {top, names};
  for (const auto& arm : input.arms) {
    const auto heading = arm.model + " trained on " + arm.trained_on;
    for (const auto& task : arm.tasks) {
      if (!calibrated(task)) continue;
      if (table.groups.empty() || table.groups.back().heading != heading) table.groups.push_back({heading, {}});
      table.groups.back().rows.push_back(table_row(arm, task));
    }
  }
  return table;
}

constexpr std::string_view legend =
    "<ul class=\"legend\"><li><svg class=\"key\" viewBox=\"0 0 30 12\" aria-hidden=\"true\"><path class=\"ln c0 d1\" "
    "d=\"M0 6H30\"/><circle "
    "class=\"ln open c0\" cx=\"15\" cy=\"6\" r=\"3.2\"/></svg> before</li><li><svg class=\"key\" viewBox=\"0 0 30 12\" "
    "aria-hidden=\"true\"><path class=\"ln c1\" d=\"M0 6H30\"/><path class=\"f1\" d=\"M11.8 "
    "2.8h6.4v6.4h-6.4Z\"/></svg> after</li>"
    "<li>dotted: perfectly calibrated</li><li>bars: share of the items</li></ul>\n";

std::string page(const ReportInput& input) {
  const auto table = table_of(input);
  if (table.groups.empty()) return {};
  std::string diagrams;
  std::size_t number = 0;
  std::size_t left_out = 0;
  for (const auto& name : input.tasks) {
    for (const auto& arm : input.arms) {
      for (const auto& task : arm.tasks) {
        if (task.task != name || !calibrated(task)) continue;
        if (number < most_diagrams) {
          diagrams += diagram(arm, task, number++);
        } else {
          ++left_out;
        }
      }
    }
  }
  std::string out = std::string(legend) + "<div class=\"charts small\">\n" + diagrams + "</div>\n";
  if (left_out > 0)
    out +=
        note(fmt::format("{} more are in the table alone.", counted(static_cast<std::int64_t>(left_out), "diagram")));
  return out + render(table) +
         note(
             "<b>ECE</b>: mean gap between confidence and accuracy over ten bins of equal width, and of equal count. "
             "<b>Brier</b> and <b>NLL</b>: of the probabilities of the choices, or of right against wrong where there "
             "are none. "
             "<b>AUROC</b>: how well confidence tells right answers from wrong ones. With fewer than about 300 items "
             "an ECE says "
             "little. Over several seeds: the mean; bins are pooled. Bars on the points: Wilson's 95 % interval.");
}

std::string text(const ReportInput& input) {
  std::string out =
      "| Trained on | Method | Benchmark | Items | ECE before | after | Brier before | after | NLL before | after | "
      "AUROC before | after |\n"
      "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
  bool any = false;
  for (const auto& arm : input.arms) {
    for (const auto& task : arm.tasks) {
      if (!calibrated(task)) continue;
      any = true;
      const auto& before = task.calibration_before;
      const auto& after = task.calibration_after;
      out += fmt::format("| {} | {} | {} | {} |", markdown(arm.trained_on), markdown(arm.method), markdown(task.task),
                         count(after.items));
      for (const double value :
           {before.ece, after.ece, before.brier, after.brier, before.nll, after.nll, before.auroc, after.auroc}) {
        out += " " + fixed(value, 3) + " |";
      }
      out += "\n";
    }
  }
  return any ? out : std::string();
}

}  // namespace
}  // namespace reports

namespace plugins {
void calibration(SectionBook& book) {
  book.add("calibration", {.title = "Calibration", .order = 60, .html = reports::page, .markdown = reports::text});
}
}  // namespace plugins
}  // namespace touchstone
