#include "reports/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "harness/base/text.hpp"
#include "harness/measure/direction.hpp"
#include "reports/numbers.hpp"

namespace touchstone::reports {
namespace {

bool excludes_none(const Interval& interval) { return interval.low > 0 || interval.high < 0; }

/// A sentence gives the metric's own direction in words, a table its sign, which task_label() explains.
std::string with_interval(const ArmTask& task) {
  if (task.higher_is_better) {
    return change_points(task.change, task.unit) + " " + interval_points(task.interval, true, task.unit) + " " +
           task.unit.name;
  }
  const auto number = [&](double better, const std::string& unit) {
    return difference_words(better, points(std::fabs(better), task.unit), unit, false);
  };
  return fmt::format("{} [{}, {}] ({})", number(task.change, task.unit.name), number(task.interval.low, ""),
                     number(task.interval.high, ""), direction_note(false));
}

/// On the training task.
std::string target_sentence(const ArmTask& task) {
  const auto p = p_value(task.p_adjusted);
  const auto found = fmt::format("{}: {}", task.task, with_interval(task));
  if (shown(task)) {
    return fmt::format("{} on the task trained on, {}, Holm p {}.", task.change > 0 ? "Gains" : "Loses", found, p);
  }
  const bool alone = task.p_value < significance && excludes_none(task.interval);
  if (alone) {
    return fmt::format(
        "No change shown on the task trained on, {}; taken alone (95 % interval, p {}) it would be, as one of all the "
        "report's gains it is not (Holm p {}).",
        found, p_value(task.p_value), p);
  }
  return fmt::format("No change shown on the task trained on, {}, Holm p {}; this sample could show {} or more.", found,
                     p, points(task.detectable, task.unit));
}

const ArmTask* find(const Arm& arm, const std::string& name) {
  for (const auto& task : arm.tasks) {
    if (task.task == name && !task.trained_on) return &task;
  }
  return nullptr;
}

std::string elsewhere_sentence(const Arm& arm) {
  int others = 0;
  int dropped = 0;
  int risen = 0;
  for (const auto& task : arm.tasks) {
    if (task.trained_on) continue;
    ++others;
    if (shown(task)) ++(task.change < 0 ? dropped : risen);
  }
  if (others == 0) return "No other benchmark was measured, so nothing is known of what was forgotten.";
  std::string out = fmt::format("Elsewhere ({}): mean drop {} points {}", counted(others, "benchmark"),
                                change_points(arm.mean_drop), interval_points(arm.mean_drop_interval, true));
  if (const auto* worst = find(arm, arm.worst_task)) {
    out += fmt::format(", largest on {}: {} {}", worst->task, change_points(arm.worst_drop),
                       interval_points(arm.worst_drop_interval, true));
  }
  out += fmt::format("; {} shown to drop, {} shown to rise.", dropped, risen);
  return out;
}

std::string margin_sentence(const Arm& arm) {
  if (!std::isfinite(arm.mean_drop_interval.high)) return {};
  if (arm.mean_drop_interval.high < forgetting_margin) {
    return fmt::format("A mean drop of {} point or more is ruled out.", fixed(forgetting_margin * 100, 0));
  }
  return fmt::format("A mean drop of up to {} points is not ruled out.", points(arm.mean_drop_interval.high));
}

std::string calibration_sentence(const Arm& arm) {
  int tasks = 0;
  int more = 0;
  int less = 0;
  for (const auto& task : arm.tasks) {
    if (!task.gap) continue;
    ++tasks;
    if (gap_shown(task)) ++(task.gap->mean > 0 ? more : less);
  }
  if (tasks == 0) return {};
  return fmt::format("Calibration ({}): shown to be more over-confident on {}, less on {}.",
                     counted(tasks, "benchmark"), more, less);
}

}  // namespace

bool shown(const ArmTask& task) { return task.p_adjusted < significance && excludes_none(task.interval); }

bool change_shown(const SeedMean& change, double p_adjusted) {
  return p_adjusted < significance && excludes_none(change.interval);
}

bool gap_shown(const ArmTask& task) { return task.gap && change_shown(*task.gap, task.gap_adjusted); }

std::string_view word(Finding finding) {
  switch (finding) {
    case Finding::better:
      return "better";
    case Finding::worse:
      return "worse";
    case Finding::trade:
      return "trade";
    case Finding::one_seed:
      return "one seed";
    case Finding::inconclusive:
      break;
  }
  return "inconclusive";
}

std::string task_label(const ArmTask& task) {
  if (task.higher_is_better) return task.task;
  return fmt::format("{} ({}: + is an improvement)", task.task, direction_note(false));
}

std::string task_label(const ReportInput& input, const std::string& name) {
  for (const auto& arm : input.arms) {
    for (const auto& task : arm.tasks) {
      if (task.task == name) return task_label(task);
    }
  }
  return name;
}

std::string arm_name(const Arm& arm) { return arm.method + " on " + arm.trained_on; }

int method_style(const ReportInput& input, const std::string& method) {
  constexpr std::size_t styles = 6;
  std::vector<std::string> methods;
  const auto place = [&](const std::string& name) {
    return static_cast<std::size_t>(std::find(methods.begin(), methods.end(), name) - methods.begin());
  };
  for (const auto& cell : input.cells) {
    if (place(cell.method) == methods.size()) methods.push_back(cell.method);
  }
  for (const auto& arm : input.arms) {
    if (place(arm.method) == methods.size()) methods.push_back(arm.method);
  }
  return static_cast<int>(place(method) % styles);
}

std::vector<std::string> verdict(const Arm& arm) {
  std::vector<std::string> sentences;
  for (const auto& task : arm.tasks) {
    if (task.trained_on) sentences.push_back(target_sentence(task));
  }
  if (sentences.empty()) sentences.push_back(fmt::format("The task trained on, {}, was not measured.", arm.trained_on));
  for (auto&& sentence : {elsewhere_sentence(arm), margin_sentence(arm), calibration_sentence(arm)}) {
    if (!sentence.empty()) sentences.push_back(sentence);
  }
  return sentences;
}

std::vector<std::string> remarks(const ReportInput& input) {
  std::vector<std::string> lines;
  for (const auto& measure : input.measures) {
    for (const auto& warning : measure.warnings) {
      if (std::find(lines.begin(), lines.end(), warning.text) == lines.end()) lines.push_back(warning.text);
    }
  }
  return lines;
}

std::string first_remark(const ReportInput& input) {
  const auto lines = remarks(input);
  if (lines.empty()) return "";
  return lines.front() + and_more(lines.size());
}

std::vector<RichText> alerts(const ReportInput& input) {
  std::int64_t failed = 0;
  std::int64_t unfinished = 0;
  for (const auto& cell : input.cells) {
    failed += cell.state == CellState::failed ? 1 : 0;
    unfinished += cell.state == CellState::running ? 1 : 0;
  }
  std::vector<RichText> lines;
  if (failed > 0) {
    lines.push_back(RichText(Piece{counted(failed, "cell") + " failed", Look::strong}) + " and " +
                    (failed == 1 ? "is" : "are") + " not in the numbers below: see " +
                    Piece{.text = "What failed", .link = "failures"} + ".");
  }
  if (unfinished > 0) {
    lines.push_back(RichText(Piece{counted(unfinished, "cell") + " not finished", Look::strong}) +
                    ": this report is of what the database held when it was written.");
  }
  if (const auto remark = first_remark(input); !remark.empty()) {
    lines.push_back(RichText("Note: " + remark + " (see ") + Piece{.text = "Provenance", .link = "provenance"} + ").");
  }
  return lines;
}

std::string scope(const ReportInput& input) {
  std::set<std::string> methods;
  std::set<std::string> targets;
  std::set<std::uint64_t> seeds;
  std::set<std::int64_t> bases;
  for (const auto& cell : input.cells) {
    methods.insert(cell.method);
    targets.insert(cell.trained_on);
    seeds.insert(cell.seed);
    bases.insert(cell.base_model);
  }
  std::int64_t samples = 0;
  for (const auto& measure : input.measures) samples += measure.items;
  const auto size = [](const auto& set) { return static_cast<std::int64_t>(set.size()); };
  if (input.cells.empty()) {
    return fmt::format("{} measured, {}, no training: {} in all.",
                       counted(static_cast<std::int64_t>(input.models.size()), "model"),
                       counted(static_cast<std::int64_t>(input.tasks.size()), "benchmark"), counted(samples, "sample"));
  }
  return fmt::format("{} × {} × {} × {}, measured on {}: {} in all.", counted(size(bases), "model"),
                     counted(size(methods), "method"), counted(size(targets), "training task"),
                     counted(size(seeds), "seed"), counted(static_cast<std::int64_t>(input.tasks.size()), "benchmark"),
                     counted(samples, "sample"));
}

}  // namespace touchstone::reports
