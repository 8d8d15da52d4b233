#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "harness/base/seed.hpp"
#include "harness/measure/regression.hpp"
#include "harness/report/section.hpp"
#include "reports/blocks.hpp"
#include "reports/chart.hpp"
#include "reports/numbers.hpp"
#include "reports/words.hpp"

namespace touchstone {
namespace reports {
namespace {

/// One cell: how far it is from its base, and what that cost elsewhere.
struct Drift {
  const CellRow* cell = nullptr;
  double divergence = 0.0;  ///< nats a token
  double drop = 0.0;        ///< mean over the benchmarks not trained on, as a share
};

/// The cells of one base model, with the divergence measured in one place.
struct DriftPanel {
  std::string model;
  std::string where;  ///< "what was trained on", or the name of a text
  std::vector<Drift> cells;
};

constexpr const char* on_training_task = "the training task";

void add_drift(std::vector<DriftPanel>& panels, const std::string& model, const std::string& where,
               const Drift& drift) {
  const auto same = std::find_if(panels.begin(), panels.end(),
                                 [&](const DriftPanel& panel) { return panel.model == model && panel.where == where; });
  auto& panel = same == panels.end() ? panels.emplace_back(DriftPanel{model, where, {}}) : *same;
  panel.cells.push_back(drift);
}

/// All cells that have a mean drop and forward KL, by base model and by where KL was measured.
std::vector<DriftPanel> drift_panels(const ReportInput& input) {
  std::vector<DriftPanel> panels;
  for (const auto& metric : input.further) {
    if (metric.name != "kl_forward") continue;
    for (const auto& change : metric.changes) {
      const auto whole = std::find_if(input.changes.begin(), input.changes.end(), [&](const CellChange& other) {
        return other.cell.id == change.cell.id && std::isfinite(other.mean_drop);
      });
      if (whole == input.changes.end()) continue;
      const auto model = input.model_label(change.cell.base_model);
      std::set<std::string> seen;  // of a benchmark measured in several ways, the first
      for (const auto& task : change.tasks) {
        const auto where = task.trained_on ? std::string(on_training_task) : task.task;
        if (!std::isfinite(task.after) || !seen.insert(where).second) continue;
        add_drift(panels, model, where, {&change.cell, task.after, whole->mean_drop});
      }
    }
  }
  return panels;
}

/// What can be fitted to a panel.
struct DriftFit {
  std::optional<LineFit> line;
  std::optional<ParabolaFit> curve;
};

DriftFit fit_of(const DriftPanel& panel) {
  std::vector<double> x;
  std::vector<double> y;
  std::vector<std::uint64_t> methods;
  for (const auto& one : panel.cells) {
    x.push_back(one.divergence);
    y.push_back(one.drop);
    methods.push_back(fnv1a(one.cell->method));
  }
  const auto different = std::set<double>(x.begin(), x.end()).size();
  DriftFit fit;
  if (x.size() >= 3 && different >= 2) fit.line = clustered_line(x, y, methods);
  if (x.size() >= 4 && different >= 3) fit.curve = parabola(x, y);
  return fit;
}

/// Points of drop for each nat a token.
const MetricUnit slope_unit{.scale = 100.0, .name = "points"};

std::string reservation(const DriftPanel& panel, const DriftFit& fit) {
  if (!fit.line) {
    return fmt::format("{} and too few different divergences: no line",
                       counted(static_cast<std::int64_t>(panel.cells.size()), "cell"));
  }
  if (fit.line->clusters < 3) {
    return fmt::format("{}: cells of one method are not independent, and an interval of the slope needs three",
                       counted(fit.line->clusters, "method"));
  }
  if (fit.line->degrees < 4.0) return "fewer than four degrees of freedom: the interval is itself uncertain";
  return "";
}

TableRow drift_row(const DriftPanel& panel) {
  const auto fit = fit_of(panel);
  std::set<std::string> methods;
  for (const auto& one : panel.cells) methods.insert(one.cell->method);
  TableRow row = {
      head_cell(panel.model), text_cell(panel.where),
      number_cell(static_cast<double>(panel.cells.size()), count(static_cast<std::int64_t>(panel.cells.size()))),
      number_cell(static_cast<double>(methods.size()), count(static_cast<std::int64_t>(methods.size())))};
  const double nan = std::nan("");
  const auto line = fit.line.value_or(LineFit{.intercept = nan,
                                              .slope = nan,
                                              .r_squared = nan,
                                              .slope_stderror = nan,
                                              .slope_interval = {nan, nan},
                                              .p_value = nan});
  row.push_back(number_cell(line.slope, strong(change_points(line.slope, slope_unit))));
  row.push_back(among_numbers(interval_points(line.slope_interval, true, slope_unit)));
  row.push_back(number_cell(line.degrees > 0.0 ? line.p_value : nan, p_value(line.degrees > 0.0 ? line.p_value : nan)));
  row.push_back(
      number_cell(line.degrees > 0.0 ? line.degrees : nan, fixed(line.degrees > 0.0 ? line.degrees : nan, 1)));
  row.push_back(number_cell(line.intercept, change_points(line.intercept, slope_unit)));
  row.push_back(number_cell(line.r_squared, fixed(line.r_squared, 2)));
  const double curved = fit.curve ? fit.curve->r_squared : nan;
  row.push_back(number_cell(curved, fixed(curved, 2)));
  row.push_back(text_cell(reservation(panel, fit)));
  return row;
}

ReportTable fits_table(const std::vector<DriftPanel>& panels) {
  ReportTable table;
  table.classes = "dense";
  table.caption = "Drop against KL(base || tuned), over all cells";
  TableRow head = {head_cell("Model"), head_cell("KL on")};
  for (const auto* name : {"Cells", "Methods", "Slope (points a nat)", "95 % interval", "p", "Degrees", "Drop at KL 0",
                           "R² line", "R² parabola"}) {
    head.push_back(head_cell(name, 1, "n"));
  }
  head.push_back(head_cell("Remark"));
  table.head = {head};
  table.groups.push_back({});
  for (const auto& panel : panels) table.groups[0].rows.push_back(drift_row(panel));
  return table;
}

ReportTable cells_table(const std::vector<DriftPanel>& panels) {
  ReportTable table;
  table.caption = "The cells";
  table.head = {{head_cell("Method"), head_cell("Trained on"), head_cell("Seed", 1, "n"),
                 head_cell("KL (nats/token)", 1, "n"), head_cell("Mean drop (points)", 1, "n")}};
  for (const auto& panel : panels) {
    RowGroup group{panel.model + ", KL on " + panel.where, {}};
    for (const auto& one : panel.cells) {
      group.rows.push_back({head_cell(one.cell->method), text_cell(one.cell->trained_on),
                            number_cell(static_cast<double>(one.cell->seed), fmt::format("{}", one.cell->seed)),
                            number_cell(one.divergence, fixed(one.divergence, 4)),
                            number_cell(one.drop, change_points(one.drop))});
    }
    table.groups.push_back(std::move(group));
  }
  return table;
}

std::string drift_finding(const DriftPanel& panel) {
  const auto fit = fit_of(panel);
  if (!fit.line) return reservation(panel, fit) + ".";
  auto text = fmt::format("{} points of drop a nat", change_points(fit.line->slope, slope_unit));
  if (fit.line->degrees > 0.0) text += " " + interval_points(fit.line->slope_interval, true, slope_unit);
  text += fmt::format(", R² {}", fixed(fit.line->r_squared, 2));
  if (fit.curve) text += fmt::format(" (parabola {})", fixed(fit.curve->r_squared, 2));
  return text + ".";
}

Figure drift_panel(const ReportInput& input, const DriftPanel& panel, std::size_t number) {
  Axis x{.low = 0, .high = 0, .label = "KL(base || tuned), nats a token", .write = [](double v) {
           return significant(v, 3);
         }};
  Axis y{.low = 0, .high = 0, .label = "mean drop elsewhere, points", .write = [](double v) {
           return signed_fixed(v * 100, 1);
         }};
  for (const auto& one : panel.cells) {
    x.high = std::max(x.high, one.divergence);
    y.low = std::min(y.low, one.drop);
    y.high = std::max(y.high, one.drop);
  }
  pad(x, 0.08);
  pad(y, 0.08);
  x.low = 0;
  Chart chart({.width = 400, .height = 280, .left = 40, .right = 12, .top = 16, .bottom = 36}, x, y);
  chart.grid_x();
  chart.grid_y();
  chart.segment({0, 0}, {x.high, 0}, "zero");
  const auto fit = fit_of(panel);
  const auto drawn = [&](const std::function<double(double)>& height, std::string_view classes, const char* title) {
    std::vector<Point> points;
    constexpr int steps = 60;
    for (int i = 0; i <= steps; ++i) {
      const double at = x.high * i / steps;
      const double value = height(at);
      if (value >= y.low && value <= y.high) points.push_back({at, value});
    }
    if (points.size() > 1) chart.line(points, classes, title);
  };
  if (fit.line) drawn([&](double v) { return fit.line->intercept + fit.line->slope * v; }, "thin c0 d0", "line");
  if (fit.curve) {
    drawn([&](double v) { return fit.curve->c0 + fit.curve->c1 * v + fit.curve->c2 * v * v; }, "thin c1 d1",
          "parabola");
  }
  for (const auto& one : panel.cells) {
    const int style = method_style(input, one.cell->method);
    chart.mark({one.divergence, one.drop}, style, 4.5, fmt::format("ln f{0} c{0}", style),
               fmt::format("{} on {}, seed {}: KL {}, mean drop {}", one.cell->method, one.cell->trained_on,
                           one.cell->seed, fixed(one.divergence, 4), change_points(one.drop)));
  }
  return {
      panel.model + ", KL on " + panel.where,
      chart.svg(fmt::format("forgetting-{}", number), "Drop against KL on " + panel.where,
                "One point a cell: divergence from the base model, against the mean drop on what was not trained on."),
      drift_finding(panel)};
}

Blocks forgetting_blocks(const ReportInput& input) {
  const auto panels = drift_panels(input);
  if (panels.empty()) return {};
  Figures charts{"large", {}};
  for (std::size_t at = 0; at < panels.size(); ++at) charts.all.push_back(drift_panel(input, panels[at], at));
  return {
      std::move(charts), fits_table(panels), Fold{"The numbers", {cells_table(panels)}},
      note("One point a cell; RL's Razor (arXiv 2509.04259) finds forgetting to follow KL(base || tuned) on the new "
           "task, whatever the method. The slope's interval takes the cells of one method as dependent (CR2, "
           "Bell and McCaffrey's degrees). Solid: least-squares line; dashed: parabola.")};
}

}  // namespace
}  // namespace reports

namespace plugins {
void forgetting(SectionBook& book) {
  book.add(
      {.name = "forgetting", .title = "Drop against divergence", .order = 45, .blocks = reports::forgetting_blocks});
}
}  // namespace plugins
}  // namespace touchstone
