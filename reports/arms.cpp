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
  out.stderror = out.item_stderror = only.paired.stderror;
  out.interval =
      only.higher_is_better ? only.paired.interval : Interval{-only.paired.interval.high, -only.paired.interval.low};
  out.change = sign * only.paired.difference;
  out.p_value = only.paired.p_value;
  out.detectable = only.paired.detectable();
  out.ece_interval = only.calibration.items > 0 ? only.calibration.ece_change.interval : Interval{nan, nan};
}

void take_seeds(ArmTask& out, const SeedMean& mean) {
  out.change = mean.mean;
  out.stderror = mean.stderror;
  out.item_stderror = mean.item_stderror;
  out.interval = mean.interval;
  out.p_value = mean.p_value;
  out.detectable = detectable_difference(mean.stderror, mean.degrees);
  out.seed_deviation = mean.between_sd;
  out.ece_interval = {nan, nan};
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
    out.items = one->paired.items;
    out.lost += one->higher_is_better ? one->paired.lost : one->paired.gained;
    out.gained += one->higher_is_better ? one->paired.gained : one->paired.lost;
    out.ece_shown += one->calibration.ece_shown ? 1 : 0;
    out.seeds.push_back(
        {changes[at].cell.seed, one->higher_is_better ? one->paired.difference : -one->paired.difference});
    calibration_before.push_back(&one->calibration_before);
    calibration_after.push_back(&one->calibration_after);
    if (arm.changes.size() == 1) take_one_seed(out, *one);
  }
  if (arm.changes.size() > 1) take_seeds(out, task.change);
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

void summarise(Arm& arm) {
  std::vector<double> p_values;
  double gain = 0;
  int targets = 0;
  for (const auto& task : arm.tasks) {
    if (!task.trained_on) p_values.push_back(task.p_value);
    if (!task.unit.in_points()) continue;  // its unit is not points, so it has nothing in common with the others
    const double change = as_share(task.change, task.unit);
    if (task.trained_on) {
      gain += change;
      ++targets;
      continue;
    }
    if (!std::isfinite(arm.worst_drop) || -change > arm.worst_drop) {
      arm.worst_drop = -change;
      arm.worst_task = task.task;
    }
  }
  if (targets > 0) arm.gain = gain / targets;
  const auto adjusted = holm(p_values);
  std::size_t at = 0;
  for (auto& task : arm.tasks) {
    if (!task.trained_on) task.p_adjusted = adjusted[at++];
  }
}

// All gains on training tasks are one family of tests.
void adjust_gains(std::vector<Arm>& arms) {
  std::vector<ArmTask*> targets;
  std::vector<double> p_values;
  for (auto& arm : arms) {
    for (auto& task : arm.tasks) {
      if (!task.trained_on) continue;
      targets.push_back(&task);
      p_values.push_back(task.p_value);
    }
  }
  const auto adjusted = holm(p_values);
  for (std::size_t i = 0; i < targets.size(); ++i) targets[i]->p_adjusted = adjusted[i];
}

Finding judge(const Arm& arm) {
  bool risen = false;
  for (const auto& task : arm.tasks) {
    if (!shown(task)) continue;
    if (task.change < 0) return Finding::worse;
    risen = true;
  }
  return risen ? Finding::better : Finding::inconclusive;
}

std::string label_of(std::int64_t model, const std::vector<ModelRow>& models) {
  for (const auto& row : models) {
    if (row.id == model) return row.label;
  }
  return "model " + std::to_string(model);
}

using Key = std::tuple<std::int64_t, std::string, std::string, std::string>;

Key key_of(const CellRow& cell) { return {cell.base_model, cell.trained_on, cell.method, cell.recipe_json}; }

Arm build_arm(const std::vector<CellChange>& changes, std::vector<std::size_t> members,
              const std::vector<ModelRow>& models) {
  std::stable_sort(members.begin(), members.end(),
                   [&changes](std::size_t a, std::size_t b) { return changes[a].cell.seed < changes[b].cell.seed; });
  std::vector<CellChange> seeds;
  for (const auto at : members) seeds.push_back(changes[at]);
  const auto summaries = seed_summaries(seeds);
  const auto& cell = seeds.front().cell;
  Arm arm;
  arm.base_model = cell.base_model;
  arm.model = label_of(cell.base_model, models);
  arm.method = cell.method;
  arm.trained_on = cell.trained_on;
  arm.changes = std::move(members);
  const auto& summary = summaries.front();
  for (const auto& task : summary.tasks) arm.tasks.push_back(pool_task(changes, arm, task));
  name_apart(arm.tasks, changes, arm, summary);
  arm.mean_drop = summary.mean_drop.mean;
  arm.mean_drop_interval = summary.mean_drop.interval;
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
  std::vector<std::pair<Key, std::vector<std::size_t>>> groups;
  for (std::size_t at = 0; at < changes.size(); ++at) {
    const auto key = key_of(changes[at].cell);
    const auto found =
        std::find_if(groups.begin(), groups.end(), [&](const auto& group) { return group.first == key; });
    if (found == groups.end()) {
      groups.push_back({key, {at}});
    } else {
      found->second.push_back(at);
    }
  }
  std::vector<Arm> arms;
  std::map<std::tuple<std::int64_t, std::string, std::string>, int> names;
  while (!groups.empty()) {
    // The next model and training task, with all its methods.
    const auto model = std::get<0>(groups.front().first);
    const auto trained_on = std::get<1>(groups.front().first);
    for (const auto& [key, members] : groups) {
      if (std::get<0>(key) != model || std::get<1>(key) != trained_on) continue;
      auto arm = build_arm(changes, members, models);
      const int number = ++names[{model, trained_on, arm.method}];
      if (number > 1) arm.method += " #" + std::to_string(number);
      arms.push_back(std::move(arm));
    }
    std::erase_if(groups, [&](const auto& group) {
      return std::get<0>(group.first) == model && std::get<1>(group.first) == trained_on;
    });
  }
  adjust_gains(arms);
  for (auto& arm : arms) arm.finding = judge(arm);
  return arms;
}

}  // namespace touchstone::reports

namespace touchstone {

std::string ReportInput::model_label(std::int64_t model) const { return reports::label_of(model, models); }

}  // namespace touchstone
