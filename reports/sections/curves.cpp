#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "harness/report/section.hpp"
#include "reports/blocks.hpp"
#include "reports/chart.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"
#include "reports/words.hpp"

namespace touchstone {
namespace reports {
namespace {

constexpr std::size_t lines_in_a_chart = 6;  // there are six colours and dashes
constexpr std::size_t points_in_a_line = 120;

/// One line: a quantity of one cell over all its steps, with the stages one after the other.
struct Line {
  const CellRow* cell = nullptr;
  int style = 0;
  std::vector<Point> points;
};

/// The quantities that can be drawn for a step: its fixed fields, then all that a trainer logged.
using Read = std::function<double(const StepReport&)>;
struct Quantity {
  std::string name;
  std::string title;
  Read read;
};

Read logged(const std::string& name) {
  return [name](const StepReport& point) {
    const auto found = point.values.find(name);
    return found == point.values.end() ? std::nan("") : found->second;
  };
}

std::vector<Quantity> quantities(const ReportInput& input) {
  std::vector<Quantity> all = {{"loss", "Training loss", [](const StepReport& p) { return p.loss; }},
                               {"validation_loss", "Validation loss", logged("validation_loss")},
                               {"learning_rate", "Learning rate", [](const StepReport& p) { return p.learning_rate; }},
                               {"gradient_norm", "Gradient norm", [](const StepReport& p) { return p.gradient_norm; }}};
  std::set<std::string> names;
  for (const auto& [cell, points] : input.curves) {
    for (const auto& point : points) {
      for (const auto& [name, value] : point.values) names.insert(name);
    }
  }
  names.erase("validation_loss");
  for (const auto& name : names) all.push_back({name, name, logged(name)});
  return all;
}

// Steps count on through the stages, so that two training stages stand beside each other rather than on top.
std::vector<Point> points_of(const std::vector<StepReport>& curve, const Read& read) {
  std::vector<Point> all;
  std::int64_t before = 0;
  std::int64_t last = 0;
  int stage = curve.empty() ? 0 : curve.front().stage;
  for (const auto& point : curve) {
    if (point.stage != stage) {
      stage = point.stage;
      before += last;
    }
    last = point.step;
    const double value = read(point);
    if (std::isfinite(value)) all.push_back({static_cast<double>(before + point.step), value});
  }
  return all;
}

std::vector<Line> lines_of(const ReportInput& input, const std::vector<const CellRow*>& cells, const Read& read) {
  std::vector<Line> lines;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto found = input.curves.find(cells[i]->id);
    if (found == input.curves.end()) continue;
    auto points = points_of(found->second, read);
    if (!points.empty()) lines.push_back({cells[i], 0, std::move(points)});
  }
  return lines;
}

std::string scale_text(double value) {
  const double size = std::fabs(value);
  return size != 0 && (size < 1e-2 || size >= 1e5) ? significant(value, 2) : significant(value, 4);
}

Figure draw_curves(const std::vector<Line>& lines, const Quantity& quantity, const std::string& trained_on,
                   std::size_t number) {
  Axis x{.low = 0, .high = 1, .label = "step", .write = [](double v) { return count(std::llround(v)); }};
  Axis y{.low = 1e300, .high = -1e300, .label = {}, .write = scale_text, .ticks = 4};
  for (const auto& line : lines) {
    x.high = std::max(x.high, line.points.back().x);
    for (const auto& point : line.points) {
      y.low = std::min(y.low, point.y);
      y.high = std::max(y.high, point.y);
    }
  }
  const double lowest = y.low;
  const double highest = y.high;
  pad(y);
  Chart chart({.width = 330, .height = 190, .left = 48, .right = 10, .top = 10, .bottom = 34}, x, y);
  chart.grid_x();
  chart.grid_y();
  for (const auto& line : lines) {
    const auto hint =
        fmt::format("{}, seed {}: {} at the end", line.cell->method, line.cell->seed, scale_text(line.points.back().y));
    const auto classes = fmt::format("thin c{0} d{0}", line.style);
    if (line.points.size() == 1) {
      chart.mark(line.points[0], line.style, 3, fmt::format("ln f{0} c{0}", line.style), hint);
    } else {
      chart.line(thinned(line.points, points_in_a_line), classes, hint);
    }
  }
  return {quantity.title,
          chart.svg(fmt::format("curve-{}", number), quantity.title + ", trained on " + trained_on,
                    "One line a run, over the steps of training."),
          fmt::format("{} to {}", scale_text(lowest), scale_text(highest))};
}

std::string key_of(const ReportInput& input, const std::vector<std::string>& methods) {
  std::string out = "<ul class=\"legend\">";
  for (const auto& method : methods) {
    out += fmt::format(
        "<li><svg class=\"key\" viewBox=\"0 0 30 12\" aria-hidden=\"true\"><path class=\"ln c{0} d{0}\" d=\"M0 "
        "6H30\"/></svg> {1}</li>",
        method_style(input, method), html(method));
  }
  return out + "</ul>\n";
}

// The methods of one model and training task, six at a time.
Blocks group_blocks(const ReportInput& input, const std::vector<const CellRow*>& cells,
                    const std::vector<std::string>& methods, std::size_t& number) {
  Figures charts;
  const auto& trained_on = cells.front()->trained_on;
  for (const auto& quantity : quantities(input)) {
    auto lines = lines_of(input, cells, quantity.read);
    if (lines.empty()) continue;
    for (auto& line : lines) {
      line.style = method_style(input, line.cell->method);
    }
    charts.all.push_back(draw_curves(lines, quantity, trained_on, number++));
  }
  if (charts.all.empty()) return {};
  return {Heading{input.model_label(cells.front()->base_model) + " trained on " + trained_on},
          PageOnly{key_of(input, methods)}, std::move(charts)};
}

Blocks curves_blocks(const ReportInput& input) {
  std::vector<std::pair<std::int64_t, std::string>> groups;
  for (const auto& cell : input.cells) {
    const std::pair<std::int64_t, std::string> group{cell.base_model, cell.trained_on};
    if (input.curves.count(cell.id) != 0 && std::find(groups.begin(), groups.end(), group) == groups.end())
      groups.push_back(group);
  }
  Blocks out;
  std::size_t number = 0;
  for (const auto& group : groups) {
    std::vector<std::string> methods;
    for (const auto& cell : input.cells) {
      const bool fits =
          cell.base_model == group.first && cell.trained_on == group.second && input.curves.count(cell.id) != 0;
      if (fits && std::find(methods.begin(), methods.end(), cell.method) == methods.end())
        methods.push_back(cell.method);
    }
    for (std::size_t first = 0; first < methods.size(); first += lines_in_a_chart) {
      const auto last = std::min(methods.size(), first + lines_in_a_chart);
      const std::vector<std::string> some(methods.begin() + static_cast<std::ptrdiff_t>(first),
                                          methods.begin() + static_cast<std::ptrdiff_t>(last));
      std::vector<const CellRow*> cells;
      for (const auto& cell : input.cells) {
        const bool fits = cell.base_model == group.first && cell.trained_on == group.second;
        if (fits && std::find(some.begin(), some.end(), cell.method) != some.end()) cells.push_back(&cell);
      }
      for (auto& block : group_blocks(input, cells, some, number)) out.push_back(std::move(block));
    }
  }
  if (out.empty()) return {};
  out.push_back(
      note("One line a run; several seeds of a method share its colour and dash. Steps count on from one stage "
           "to the next. "
           "Long curves keep the lowest and highest point of each stretch."));
  return out;
}

}  // namespace
}  // namespace reports

namespace plugins {
void curves(SectionBook& book) {
  book.add(
      {.name = "curves", .title = "Training curves", .order = 70, .blocks = reports::curves_blocks, .is_long = true});
}
}  // namespace plugins
}  // namespace touchstone
