// A short summary for a terminal: gains, costs, the method that lost least, calibration, and the noise level.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "reports/blocks.hpp"
#include "reports/numbers.hpp"
#include "reports/pools.hpp"
#include "reports/render.hpp"
#include "reports/text.hpp"
#include "reports/words.hpp"

namespace touchstone {
namespace reports {
namespace {

/// A gain counts as similar to the best from this share of it on.
constexpr double similar_gain = 0.75;

using Arms = std::vector<const Arm*>;

const Arm* best_gain(const Arms& arms) {
  const Arm* best = nullptr;
  for (const auto* arm : arms) {
    if (arm->gain == arm->gain && (best == nullptr || arm->gain > best->gain)) best = arm;
  }
  return best;
}

/// Of the arms that were measured on other benchmarks, the one with the least or the largest loss.
const Arm* by_drop(const Arms& arms, bool least, double gain_at_least) {
  const Arm* found = nullptr;
  for (const auto* arm : arms) {
    if (!(arm->mean_drop == arm->mean_drop) || !(arm->gain >= gain_at_least)) continue;
    if (found == nullptr || (least ? arm->mean_drop < found->mean_drop : arm->mean_drop > found->mean_drop))
      found = arm;
  }
  return found;
}

std::string dropped(const Arm& arm) {
  return fmt::format("{} {} points {}", arm.method, points(arm.mean_drop),
                     interval_points(arm.mean_drop_interval, true));
}

std::string task_line(const std::string& task, const Arms& arms) {
  const auto* best = best_gain(arms);
  if (best == nullptr) return fmt::format("{}: was not measured itself.", task);
  auto line = fmt::format("{}: {} gains most, {} points", task, best->method, change_points(best->gain));
  if (!(best->gain > 0.0)) {
    line = fmt::format("{}: no method gains; best is {}, {} points", task, best->method, change_points(best->gain));
  }
  const auto* most = by_drop(arms, false, -1e9);
  if (most == nullptr) return line + "; nothing else was measured.";
  line += fmt::format("; largest mean drop elsewhere: {}", dropped(*most));
  if (!most->worst_task.empty()) line += fmt::format(" (of {} {})", most->worst_task, points(most->worst_drop));
  const auto* least = by_drop(arms, true, similar_gain * best->gain);
  if (least != nullptr && least != most) line += fmt::format("; smallest at a similar gain: {}", dropped(*least));
  return line + ".";
}

std::string least_line(const ReportInput& input) {
  if (input.methods.empty()) return "No method was measured on a benchmark that it was not trained on.";
  std::string list;
  for (const auto& [method, drop, p_adjusted] : input.methods) {
    list += fmt::format("{}{} {} {}{}", list.empty() ? "" : ", ", method, points(drop.mean),
                        interval_points(drop.interval, true), p_adjusted < significance ? "" : " (not shown)");
  }
  return "Mean drop over all training tasks, least first: " + list + " points.";
}

std::string calibration_line(const ReportInput& input) {
  int more = 0;
  int less = 0;
  int all = 0;
  for (const auto& arm : input.arms) {
    for (const auto& task : arm.tasks) {
      if (!task.gap) continue;
      ++all;
      if (gap_shown(task)) ++(task.gap->mean > 0 ? more : less);
    }
  }
  if (all == 0) return "Calibration: no benchmark gives a confidence.";
  return fmt::format("Calibration: of {} comparisons, {} are shown to be more over-confident and {} less.", all, more,
                     less);
}

std::string noise_line(const ReportInput& input) {
  std::vector<double> detectable;
  std::array<int, findings> counts{};
  for (const auto& arm : input.arms) {
    ++counts[static_cast<std::size_t>(arm.finding)];
    for (const auto& task : arm.tasks) {
      if (task.detectable == task.detectable && task.unit.in_points()) {
        detectable.push_back(as_share(task.detectable, task.unit));
      }
    }
  }
  std::string line;
  for (std::size_t at = 0; at < counts.size(); ++at) {
    const auto finding = static_cast<Finding>(at);
    if (counts[at] == 0 && (finding == Finding::one_seed || finding == Finding::trade)) continue;
    line += fmt::format("{}{} {}", line.empty() ? "Verdicts: " : ", ", counts[at],
                        finding == Finding::one_seed ? "of one seed, which has none" : word(finding));
  }
  if (detectable.empty()) return line + ".";
  std::nth_element(detectable.begin(), detectable.begin() + static_cast<std::ptrdiff_t>(detectable.size() / 2),
                   detectable.end());
  return line + fmt::format("; a difference below {} points would not be seen here (the median over benchmarks).",
                            points(detectable[detectable.size() / 2]));
}

/// "base: mmlu 43.2 [36.5, 50.1] of 200 items, gsm8k ..."
std::string scores_line(const ReportInput& input, const ModelRow& model) {
  std::string list;
  for (const auto& pool : pools_of(input, model.id)) {
    const auto score = pooled(pool.leaves);
    const auto counts = counts_of(input, pool.leaves);
    std::int64_t items = 0;
    for (const auto* leaf : pool.leaves) items += leaf->items;
    list += fmt::format("{}{} {}{} {} of {}", list.empty() ? "" : ", ", pool.name, points(score.value, score.unit),
                        score.unit.in_points() ? "" : " " + score.unit.name,
                        interval_points(interval_of(score, counts), false, score.unit), counted(items, "item"));
  }
  return list.empty() ? list : model.label + ": " + list + ".";
}

}  // namespace

std::vector<std::string> short_lines(const ReportInput& input) {
  std::vector<std::string> lines;
  if (input.arms.empty()) {
    for (const auto& model : input.models) {
      if (auto line = scores_line(input, model); !line.empty()) lines.push_back(std::move(line));
    }
    return lines;
  }
  std::vector<std::string> tasks;
  std::map<std::string, Arms> by_task;
  for (const auto& arm : input.arms) {
    if (by_task[arm.trained_on].empty()) tasks.push_back(arm.trained_on);
    by_task[arm.trained_on].push_back(&arm);
  }
  for (const auto& task : tasks) lines.push_back(task_line(task, by_task[task]));
  lines.push_back(least_line(input));
  lines.push_back(calibration_line(input));
  lines.push_back(noise_line(input));
  return lines;
}

}  // namespace reports

std::string render_brief(const ReportInput& input) {
  std::string text = reports::scope(input) + "\n";
  for (const auto& line : reports::short_lines(input)) text += reports::inert(line) + "\n";
  for (const auto& line : reports::alerts(input)) text += reports::inert(reports::plain_of(line)) + "\n";
  return text;
}

}  // namespace touchstone
