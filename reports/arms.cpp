#include "reports/arms.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "reports/words.hpp"

namespace touchstone::reports {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

const TaskChange* find_task(const CellChange& change, const SeedSummary::Task& wanted) {
  for (const auto& task : change.tasks) {
    if (task.task == wanted.task && task.metric == wanted.metric && task.settings_json == wanted.settings_json) {
      return &task;
    }
  }
  return nullptr;
}

void take_one_seed(ArmTask& out, const TaskChange& only) {
  const double sign = only.higher_is_better ? 1.0 : -1.0;
  out.stderror = out.item_stderror = only.paired.planning_error;
  out.degrees = only.paired.degrees;
  out.interval =
      only.higher_is_better ? only.paired.interval : Interval{-only.paired.interval.high, -only.paired.interval.low};
  out.change = sign * only.paired.difference;
  out.p_value = only.paired.p_value;
  out.alone = only.paired;
}

void take_seeds(ArmTask& out, const SeedMean& mean) {
  out.change = mean.mean;
  out.stderror = mean.stderror;
  out.degrees = mean.degrees;
  out.item_stderror = mean.item_stderror;
  out.interval = mean.interval;
  out.p_value = mean.p_value;
  out.seed_deviation = mean.between_sd;
}

/// Of one of `tests` tests that are corrected together.
double detectable_of(const ArmTask& task, std::size_t tests) {
  const double level = significance / static_cast<double>(tests);
  return task.alone ? task.alone->detectable(level) : detectable_difference(task.stderror, task.degrees, level);
}

ArmTask pool_task(const std::vector<CellChange>& changes, const Arm& arm, const SeedSummary::Task& task) {
  ArmTask out;
  out.task = task.task;
  out.metric = task.metric;
  out.unit = task.unit;
  out.trained_on = task.trained_on;
  std::vector<const Calibration*> calibration_before;
  std::vector<const Calibration*> calibration_after;
  const auto seeds = static_cast<double>(arm.changes.size());
  for (const auto at : arm.changes) {
    const auto* one = find_task(changes[at], task);
    require(one != nullptr, Fault::internal, [&] { return task.task + " is not in every seed of " + arm.method; });
    out.before += one->before / seeds;
    out.after += one->after / seeds;
    out.chance = one->chance;
    out.higher_is_better = one->higher_is_better;
    out.items = one->paired.items;
    out.lost += one->higher_is_better ? one->paired.lost : one->paired.gained;
    out.gained += one->higher_is_better ? one->paired.gained : one->paired.lost;
    out.seeds.push_back(
        {changes[at].cell.seed, one->higher_is_better ? one->paired.difference : -one->paired.difference});
    calibration_before.push_back(&one->calibration_before);
    calibration_after.push_back(&one->calibration_after);
    if (arm.changes.size() == 1) take_one_seed(out, *one);
  }
  if (arm.changes.size() > 1) take_seeds(out, task.change);
  out.gap = task.gap;
  out.brier = task.brier;
  out.squared_error = task.squared_error;
  out.p_adjusted = out.p_value;
  out.calibration_before = mean_calibration(calibration_before);
  out.calibration_after = mean_calibration(calibration_after);
  return out;
}

// A benchmark measured in several ways gets several names: with the number of shots, or else with a counter.
void name_apart(std::vector<ArmTask>& tasks, const std::vector<CellChange>& changes, const Arm& arm,
                const SeedSummary& summary) {
  std::map<std::string, int> times;
  for (const auto& task : tasks) ++times[task.task];
  std::map<std::string, int> seen;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (times[tasks[i].task] < 2) continue;
    const auto* one = find_task(changes[arm.changes[0]], summary.tasks[i]);
    auto name = tasks[i].task + " (" + std::to_string(one->shots) + "-shot)";
    const int again = ++seen[name];
    tasks[i].task = again == 1 ? name : name + " #" + std::to_string(again);
  }
}

/// Corrects a family of tests, and says what each of them could have shown.
void adjust(const std::vector<ArmTask*>& family) {
  std::vector<double> p_values;
  for (const auto* task : family) p_values.push_back(task->p_value);
  const auto adjusted = holm(p_values);
  for (std::size_t at = 0; at < family.size(); ++at) {
    family[at]->p_adjusted = adjusted[at];
    family[at]->detectable = detectable_of(*family[at], family.size());
  }
}

/// Corrects one quantity of calibration over the arm's benchmarks that have it.
void adjust_over_tasks(Arm& arm, std::optional<SeedMean> ArmTask::*quantity, double ArmTask::*adjusted) {
  std::vector<double> p_values;
  for (const auto& task : arm.tasks) {
    if (task.*quantity) p_values.push_back((task.*quantity)->p_value);
  }
  const auto corrected = holm(p_values);
  std::size_t at = 0;
  for (auto& task : arm.tasks) {
    if (task.*quantity) task.*adjusted = corrected[at++];
  }
}

void adjust_calibration(Arm& arm) {
  adjust_over_tasks(arm, &ArmTask::gap, &ArmTask::gap_adjusted);
  adjust_over_tasks(arm, &ArmTask::brier, &ArmTask::brier_adjusted);
  adjust_over_tasks(arm, &ArmTask::squared_error, &ArmTask::squared_error_adjusted);
}

/// The interval of the largest of `count` drops, which was picked because it is the largest.
Interval selected_interval(const ArmTask& task, double count) {
  const double each = 1.0 - std::pow(1.0 - significance, 1.0 / count);
  const double half = t_or_normal_quantile(1.0 - each / 2.0, task.degrees) * task.stderror;
  return {as_share(-task.change - half, task.unit), as_share(-task.change + half, task.unit)};
}

void summarise(Arm& arm) {
  std::vector<ArmTask*> others;
  const ArmTask* worst = nullptr;
  double in_points = 0.0;
  double gain = 0;
  int targets = 0;
  for (auto& task : arm.tasks) {
    if (!task.trained_on) others.push_back(&task);
    if (!task.unit.in_points()) continue;  // its unit is not points, so it has nothing in common with the others
    const double change = as_share(task.change, task.unit);
    if (task.trained_on) {
      gain += change;
      ++targets;
      continue;
    }
    in_points += 1.0;
    if (worst == nullptr || -change > arm.worst_drop) {
      arm.worst_drop = -change;
      arm.worst_task = task.task;
      worst = &task;
    }
  }
  if (targets > 0) arm.gain = gain / targets;
  if (worst != nullptr) arm.worst_drop_interval = selected_interval(*worst, in_points);
  adjust(others);
  adjust_calibration(arm);
}

// All gains on training tasks are one family of tests, and so are the mean drops.
void adjust_arms(std::vector<Arm>& arms) {
  std::vector<ArmTask*> targets;
  std::vector<double> drops;
  for (auto& arm : arms) {
    for (auto& task : arm.tasks) {
      if (task.trained_on) targets.push_back(&task);
    }
    if (std::isfinite(arm.mean_drop)) drops.push_back(arm.mean_drop_p);
  }
  adjust(targets);
  const auto adjusted = holm(drops);
  std::size_t at = 0;
  for (auto& arm : arms) {
    if (std::isfinite(arm.mean_drop)) arm.mean_drop_adjusted = adjusted[at++];
  }
}

Finding judge(const Arm& arm) {
  if (arm.changes.size() < 2) return Finding::one_seed;
  bool risen = false;
  bool gained = false;
  bool fallen = false;
  for (const auto& task : arm.tasks) {
    if (!shown(task)) continue;
    (task.change < 0 ? fallen : risen) = true;
    if (task.trained_on && task.change > 0) gained = true;
  }
  if (fallen) return gained ? Finding::trade : Finding::worse;
  return risen ? Finding::better : Finding::inconclusive;
}

std::string label_of(std::int64_t model, const std::vector<ModelRow>& models) {
  for (const auto& row : models) {
    if (row.id == model) return row.label;
  }
  return "model " + std::to_string(model);
}

Arm build_arm(const std::vector<CellChange>& changes, const SeedSummary& summary, const std::vector<ModelRow>& models) {
  Arm arm;
  for (const auto id : summary.cells) {
    const auto found =
        std::find_if(changes.begin(), changes.end(), [&](const CellChange& change) { return change.cell.id == id; });
    arm.changes.push_back(static_cast<std::size_t>(found - changes.begin()));
  }
  arm.base_model = summary.base_model;
  arm.model = label_of(summary.base_model, models);
  arm.method = summary.method;
  arm.trained_on = summary.trained_on;
  for (const auto& task : summary.tasks) arm.tasks.push_back(pool_task(changes, arm, task));
  name_apart(arm.tasks, changes, arm, summary);
  arm.mean_drop = summary.mean_drop.mean;
  arm.mean_drop_interval = summary.mean_drop.interval;
  arm.mean_drop_p = summary.mean_drop.p_value;
  summarise(arm);
  return arm;
}

}  // namespace

Calibration mean_calibration(const std::vector<const Calibration*>& all) {
  Calibration out;
  double weight = 0;
  for (const auto* one : all) weight += one->items > 0 ? 1 : 0;
  if (weight == 0) return out;
  for (const auto* one : all) {
    if (one->items == 0) continue;
    out.items = one->items;
    out.ece += one->ece / weight;
    out.ece_equal_mass += one->ece_equal_mass / weight;
    out.mce += one->mce / weight;
    out.brier += one->brier / weight;
    out.nll += one->nll / weight;
    out.auroc += one->auroc / weight;
    out.confidence += one->confidence / weight;
    out.accuracy += one->accuracy / weight;
    out.selective_accuracy_10 += one->selective_accuracy_10 / weight;
    out.risk_coverage_area += one->risk_coverage_area / weight;
    if (out.bins.size() < one->bins.size()) out.bins.resize(one->bins.size());
    for (std::size_t b = 0; b < one->bins.size(); ++b) {
      auto& bin = out.bins[b];
      const auto& more = one->bins[b];
      bin.low = more.low;
      bin.high = more.high;
      if (more.items == 0) continue;
      const auto share = static_cast<double>(more.items) / static_cast<double>(bin.items + more.items);
      bin.confidence += (more.confidence - bin.confidence) * share;
      bin.accuracy += (more.accuracy - bin.accuracy) * share;
      bin.items += more.items;
    }
  }
  return out;
}

std::vector<Arm> build_arms(const std::vector<CellChange>& changes, const std::vector<ModelRow>& models) {
  auto left = seed_summaries(changes);
  const auto arms_with_drop = static_cast<double>(std::count_if(
      left.begin(), left.end(), [](const SeedSummary& summary) { return std::isfinite(summary.mean_drop.mean); }));
  std::vector<Arm> arms;
  std::map<std::tuple<std::int64_t, std::string, std::string>, int> names;
  while (!left.empty()) {
    // The next model and training task, with all its methods.
    const auto model = left.front().base_model;
    const auto trained_on = left.front().trained_on;
    const auto belongs = [&](const SeedSummary& summary) {
      return summary.base_model == model && summary.trained_on == trained_on;
    };
    for (const auto& summary : left) {
      if (!belongs(summary)) continue;
      auto arm = build_arm(changes, summary, models);
      if (std::isfinite(arm.mean_drop)) {
        arm.mean_drop_detectable =
            detectable_difference(summary.mean_drop.stderror, summary.mean_drop.degrees, significance / arms_with_drop);
      }
      const int number = ++names[{model, trained_on, arm.method}];
      if (number > 1) arm.method += " #" + std::to_string(number);
      arms.push_back(std::move(arm));
    }
    std::erase_if(left, belongs);
  }
  adjust_arms(arms);
  for (auto& arm : arms) arm.finding = judge(arm);
  return arms;
}

std::vector<MethodDrop> method_drops(const std::vector<CellChange>& changes, const std::vector<Arm>& arms) {
  std::map<std::string, std::vector<SeedValues>> groups;
  for (const auto& arm : arms) {
    if (!std::isfinite(arm.mean_drop)) continue;
    auto& seeds = groups[arm.method].emplace_back();
    for (const auto at : arm.changes) seeds.push_back(changes[at].drop);
  }
  std::vector<SeedSpread> spreads;
  for (const auto& entry : groups) spreads.push_back(seed_spread(entry.second));
  std::vector<MethodDrop> methods;
  std::vector<double> p_values;
  for (const auto& entry : groups) {
    methods.push_back({entry.first, over_seeds(spreads[methods.size()], pooled_variance(spreads))});
    p_values.push_back(methods.back().drop.p_value);
  }
  const auto adjusted = holm(p_values);
  for (std::size_t at = 0; at < methods.size(); ++at) methods[at].p_adjusted = adjusted[at];
  std::stable_sort(methods.begin(), methods.end(),
                   [](const auto& one, const auto& two) { return one.drop.mean < two.drop.mean; });
  return methods;
}

}  // namespace touchstone::reports

namespace touchstone {

std::string ReportInput::model_label(std::int64_t model) const { return reports::label_of(model, models); }

}  // namespace touchstone
