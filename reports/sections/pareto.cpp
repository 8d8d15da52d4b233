#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "harness/base/text.hpp"
#include "harness/report/section.hpp"
#include "reports/blocks.hpp"
#include "reports/chart.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"
#include "reports/words.hpp"

namespace touchstone {
namespace reports {
namespace {

struct ParetoEntry {
  const Arm* arm = nullptr;
  double gain = 0.0;
  Interval gain_interval;  // nan when several benchmarks were trained on
  double drop = 0.0;
  bool dominated = false;
  int style = 0;  // colour and shape of the method
};

Interval gain_interval(const Arm& arm) {
  const ArmTask* target = nullptr;
  for (const auto& task : arm.tasks) {
    if (!task.trained_on) continue;
    if (target != nullptr) return {std::nan(""), std::nan("")};
    target = &task;
  }
  return {as_share(target->interval.low, target->unit), as_share(target->interval.high, target->unit)};
}

// Points of one model and one training task that have both a gain and a drop.
std::vector<ParetoEntry> pareto_entries(const ReportInput& input, std::int64_t model, const std::string& trained_on) {
  std::vector<ParetoEntry> all;
  for (const auto& arm : input.arms) {
    if (arm.base_model != model || arm.trained_on != trained_on) continue;
    if (!std::isfinite(arm.gain) || !std::isfinite(arm.mean_drop)) continue;
    all.push_back({&arm, arm.gain, gain_interval(arm), arm.mean_drop, false, method_style(input, arm.method)});
  }
  for (auto& one : all) {
    one.dominated = std::any_of(all.begin(), all.end(), [&](const ParetoEntry& other) {
      return other.gain >= one.gain && other.drop <= one.drop && (other.gain > one.gain || other.drop < one.drop);
    });
  }
  return all;
}

void errors(Chart& chart, const ParetoEntry& one) {
  const auto style = fmt::format("ln thin c{}", one.style);
  const auto& drop = one.arm->mean_drop_interval;
  const auto& gain = one.gain_interval;
  if (std::isfinite(gain.low)) chart.segment({gain.low, one.drop}, {gain.high, one.drop}, style);
  if (std::isfinite(drop.low)) chart.segment({one.gain, drop.low}, {one.gain, drop.high}, style);
}

void widen(Axis& axis, double value) {
  if (!std::isfinite(value)) return;
  axis.low = std::min(axis.low, value);
  axis.high = std::max(axis.high, value);
}

std::string caption(const std::vector<ParetoEntry>& all) {
  std::string best;
  for (const auto& one : all) {
    if (!one.dominated) best += (best.empty() ? "" : ", ") + one.arm->method;
  }
  return "No other method both gains more and drops less than: " + best + ".";
}

/// Writes the names beside their points, each where it overlaps no other name.
class Names {
 public:
  void write(Chart& chart, double x, double y, const std::string& name) {
    const auto cut = shortened(inert(name), 24);
    const auto text = cut.cut > 0 ? cut.text + "…" : cut.text;
    const double width = 6.3 * static_cast<double>(code_points(text));
    Box best;
    for (const double dy : {-6.0, 15.0, -19.0, 28.0, -32.0, 41.0}) {
      for (const bool left : {false, true}) {
        const Box box{left ? x - 8 - width : x + 8, y + dy - 10, width, left, y + dy};
        const bool inside = box.x >= chart.frame().left && box.x + width <= chart.frame().width;
        if (!inside || clashes(box)) continue;
        best = box;
        break;
      }
      if (best.width > 0) break;
    }
    if (best.width <= 0) best = {x + 8, y - 16, width, false, y - 6};
    taken_.push_back(best);
    chart.text(best.left ? x - 8 : x + 8, best.baseline, text, best.left ? "e t" : "t");
  }

 private:
  struct Box {
    double x = 0.0;
    double top = 0.0;
    double width = 0.0;
    bool left = false;
    double baseline = 0.0;
  };
  bool clashes(const Box& box) const {
    return std::any_of(taken_.begin(), taken_.end(), [&](const Box& other) {
      return box.x < other.x + other.width && other.x < box.x + box.width && std::fabs(box.top - other.top) < 12;
    });
  }
  std::vector<Box> taken_;
};

Figure pareto_panel(const std::vector<ParetoEntry>& all, const Arm& first, int number) {
  const auto write = [](double v) { return signed_fixed(v * 100, 0); };
  Axis x{.low = 0, .high = 0, .label = "gain on " + first.trained_on + ", points", .write = write};
  Axis y{.low = 0, .high = 0, .label = "mean drop elsewhere, points", .write = write};
  for (const auto& one : all) {
    for (const double value : {one.gain, one.gain_interval.low, one.gain_interval.high}) widen(x, value);
    for (const double value : {one.drop, one.arm->mean_drop_interval.low, one.arm->mean_drop_interval.high})
      widen(y, value);
  }
  pad(x, 0.08);
  pad(y, 0.08);
  Chart chart({.width = 400, .height = 280, .left = 40, .right = 12, .top = 16, .bottom = 36}, x, y);
  chart.grid_x();
  chart.grid_y();
  chart.segment({0, y.low}, {0, y.high}, "zero");
  chart.segment({x.low, 0}, {x.high, 0}, "zero");
  for (const auto& one : all) errors(chart, one);
  Names names;
  for (const auto& one : all) {
    const auto classes = fmt::format("ln {0}{1} c{1}", one.dominated ? "open h" : "f", one.style);
    chart.mark(
        {one.gain, one.drop}, one.style, 4.5, classes,
        fmt::format("{}: gain {}, mean drop {}", one.arm->method, change_points(one.gain), change_points(one.drop)));
    names.write(chart, chart.x(one.gain), chart.y(one.drop), one.arm->method);
  }
  return {first.model + " trained on " + first.trained_on,
          chart.svg(fmt::format("pareto-{}", number), "Gain against drop, trained on " + first.trained_on,
                    "One point a method: gain on the task trained on, against the mean drop on the others."),
          caption(all)};
}

Blocks pareto_blocks(const ReportInput& input) {
  Figures panels{"large", {}};
  int number = 0;
  const Arm* last = nullptr;
  for (const auto& arm : input.arms) {
    if (last != nullptr && last->base_model == arm.base_model && last->trained_on == arm.trained_on) continue;
    last = &arm;
    const auto all = pareto_entries(input, arm.base_model, arm.trained_on);
    if (!all.empty()) panels.all.push_back(pareto_panel(all, arm, number++));
  }
  if (panels.all.empty()) return {};
  return {std::move(panels),
          note("Right and low is best: much learned, little forgotten. Filled: no other method is better in both; "
               "hollow: some other "
               "is. Lines are 95 % intervals.")};
}

}  // namespace
}  // namespace reports

namespace plugins {
void pareto(SectionBook& book) {
  book.add(
      {.name = "pareto", .title = "Gain against drop", .order = 10, .blocks = reports::pareto_blocks, .is_long = true});
}
}  // namespace plugins
}  // namespace touchstone
