// A few lines for a terminal: what was gained, what it cost, which method lost least, calibration, and what is noise.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "harness/report/report.hpp"
#include "reports/numbers.hpp"
#include "reports/text.hpp"
#include "reports/words.hpp"

namespace touchstone {
namespace reports {
namespace {

/// Of the best gain: what counts as a similar one.
constexpr double kSimilarGain = 0.75;

using Arms = std::vector<const Arm*>;

const Arm* best_gain(const Arms& arms) {
  const Arm* best = nullptr;
  for (const auto* arm : arms) {
    if (arm->gain == arm->gain && (best == nullptr || arm->gain > best->gain)) best = arm;
  }
  return best;
}

/// Of those that were measured on other benchmarks, the one that lost least or most.
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
  return fmt::format("{} {} points {}", inert(arm.method), points(arm.mean_drop),
                     interval_points(arm.mean_drop_interval, true));
}

std::string task_line(const std::string& task, const Arms& arms) {
  const auto* best = best_gain(arms);
  if (best == nullptr) return fmt::format("{}: was not measured itself.", inert(task));
  auto line = fmt::format("{}: {} gains most, {} points", inert(task), inert(best->method), change_points(best->gain));
  if (!(best->gain > 0.0)) {
    line = fmt::format("{}: no method gains; best is {}, {} points", inert(task), inert(best->method),
                       change_points(best->gain));
  }
  const auto* most = by_drop(arms, false, -1e9);
  if (most == nullptr) return line + "; nothing else was measured.";
  line += fmt::format("; largest mean drop elsewhere: {}", dropped(*most));
  if (!most->worst_task.empty()) line += fmt::format(" (of {} {})", inert(most->worst_task), points(most->worst_drop));
  const auto* least = by_drop(arms, true, kSimilarGain * best->gain);
  if (least != nullptr && least != most) line += fmt::format("; smallest at a similar gain: {}", dropped(*least));
  return line + ".";
}

std::string least_line(const ReportInput& input) {
  std::map<std::string, std::pair<double, int>> drops;
  for (const auto& arm : input.arms) {
    if (!(arm.mean_drop == arm.mean_drop)) continue;
    drops[arm.method].first += arm.mean_drop;
    ++drops[arm.method].second;
  }
  std::vector<std::pair<double, std::string>> order;
  for (const auto& [method, sum] : drops) order.emplace_back(sum.first / sum.second, method);
  if (order.empty()) return "No method was measured on a benchmark that it was not trained on.";
  std::sort(order.begin(), order.end());
  std::string list;
  for (const auto& [drop, method] : order)
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", inert(method), points(drop));
  return "Mean drop over all training tasks, least first: " + list + " points.";
}

std::string calibration_line(const ReportInput& input) {
  int shown = 0, worse = 0, all = 0;
  for (const auto& arm : input.arms) {
    for (const auto& task : arm.tasks) {
      if (task.calibration_before.items == 0 || task.calibration_after.items == 0) continue;
      const auto seeds = static_cast<int>(task.seeds.size());
      all += seeds;
      shown += task.ece_shown;
      if (task.calibration_after.ece > task.calibration_before.ece) worse += task.ece_shown;
    }
  }
  if (all == 0) return "Calibration: no benchmark gives a confidence.";
  return fmt::format(
      "Calibration: a change of the expected calibration error is shown in {} of {} comparisons, {} of them for the "
      "worse.",
      shown, all, worse);
}

std::string noise_line(const ReportInput& input) {
  std::vector<double> detectable;
  int better = 0, worse = 0;
  for (const auto& arm : input.arms) {
    better += arm.finding == Finding::better ? 1 : 0;
    worse += arm.finding == Finding::worse ? 1 : 0;
    for (const auto& task : arm.tasks) {
      if (task.detectable == task.detectable && task.unit.in_points()) {
        detectable.push_back(as_share(task.detectable, task.unit));
      }
    }
  }
  std::string line = fmt::format("Verdicts: {} better, {} worse, {} inconclusive", better, worse,
                                 static_cast<int>(input.arms.size()) - better - worse);
  if (detectable.empty()) return line + ".";
  std::nth_element(detectable.begin(), detectable.begin() + static_cast<std::ptrdiff_t>(detectable.size() / 2),
                   detectable.end());
  return line + fmt::format("; a difference below {} points would not be seen here (the median over benchmarks).",
                            points(detectable[detectable.size() / 2]));
}

}  // namespace
}  // namespace reports

std::string render_brief(const ReportInput& input) {
  using namespace reports;
  std::string text = scope(input) + "\n";
  const auto remark = first_remark(input, inert);
  const auto note = remark.empty() ? "" : "Note: " + remark + ".\n";
  if (input.arms.empty()) return text + note;
  std::map<std::string, Arms> by_task;
  for (const auto& arm : input.arms) by_task[arm.trained_on].push_back(&arm);
  for (const auto& [task, arms] : by_task) text += task_line(task, arms) + "\n";
  return text + least_line(input) + "\n" + calibration_line(input) + "\n" + noise_line(input) + "\n" + note;
}

}  // namespace touchstone
