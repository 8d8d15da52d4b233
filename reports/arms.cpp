#include "reports/arms.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "reports/words.hpp"

namespace touchstone::reports {
namespace {

double mean(const std::vector<double>& values) { return mean_error(values).mean; }

// Sample variance (n - 1).
double variance(const std::vector<double>& values) {
  const double middle = mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - middle) * (value - middle);
  return sum / static_cast<double>(values.size() - 1);
}

const TaskChange* find_task(const CellChange& change, const std::string& task) {
  for (const auto& one : change.tasks) {
    if (one.task == task) return &one;
  }
  return nullptr;
}

// What the choice of seeds adds to the variance of the mean over them: the variance of the seeds' means beyond what the
// items alone explain (two-way layout without repetition, items and seeds random).
double seed_variance(const std::vector<const ItemScores*>& seeds, const std::vector<double>& changes) {
  const auto n = seeds[0]->before.size();
  const auto count = static_cast<double>(seeds.size());
  double residual = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double row = 0;
    for (const auto* seed : seeds) row += seed->after[i] - seed->before[i];
    row /= count;
    const double whole = mean(changes);
    for (std::size_t s = 0; s < seeds.size(); ++s) {
      const double rest = seeds[s]->after[i] - seeds[s]->before[i] - row - changes[s] + whole;
      residual += rest * rest;
    }
  }
  const double interaction = residual / ((static_cast<double>(n) - 1) * (count - 1));
  return std::max(0.0, variance(changes) - interaction / static_cast<double>(n)) / count;
}

// The mean over seeds of every item, as one paired comparison.
Paired over_seeds(const std::vector<const ItemScores*>& seeds, const std::vector<double>& changes) {
  const auto n = seeds[0]->before.size();
  std::vector<double> before(n);
  std::vector<double> after(n);
  for (const auto* seed : seeds) {
    require(seed->before.size() == n && seed->after.size() == n, Fault::data, [&] {
      return "seeds of one arm have " + std::to_string(n) + " and " + std::to_string(seed->before.size()) + " items";
    });
    for (std::size_t i = 0; i < n; ++i) {
      before[i] += seed->before[i] / static_cast<double>(seeds.size());
      after[i] += seed->after[i] / static_cast<double>(seeds.size());
    }
  }
  auto pooled = paired(before, after, seeds[0]->clusters, false);
  if (seeds.size() < 3 || n < 2) return pooled;
  const double by_seed = seed_variance(seeds, changes);
  const double by_item = pooled.stderror * pooled.stderror;
  if (by_seed <= 0 || by_item + by_seed <= 0) return pooled;
  pooled.stderror = std::sqrt(by_item + by_seed);
  // Welch and Satterthwaite: degrees of freedom of a sum of two estimated variances.
  const double degrees =
      (by_item + by_seed) * (by_item + by_seed) /
      (by_item * by_item / (static_cast<double>(n) - 1) + by_seed * by_seed / (static_cast<double>(seeds.size()) - 1));
  const double reach = student_t_quantile(0.975, degrees) * pooled.stderror;
  pooled.interval = {pooled.difference - reach, pooled.difference + reach};
  pooled.p_value = 2 * student_t_cdf(-std::fabs(pooled.difference) / pooled.stderror, degrees);
  pooled.detectable = 2.80 * pooled.stderror;
  return pooled;
}

ArmTask pool_task(const std::vector<CellChange>& changes, const Arm& arm, const std::string& task,
                  const ItemTable& items) {
  std::vector<double> before;
  std::vector<double> after;
  std::vector<double> change;
  std::vector<const ItemScores*> seeds;
  std::vector<const Calibration*> calibration_before;
  std::vector<const Calibration*> calibration_after;
  ArmTask out;
  Paired pooled;
  for (const auto at : arm.changes) {
    const auto* one = find_task(changes[at], task);
    if (one == nullptr) continue;
    out.metric = one->metric;
    out.trained_on = one->trained_on;
    out.chance = one->chance;
    out.lost += one->paired.lost;
    out.gained += one->paired.gained;
    before.push_back(one->before);
    after.push_back(one->after);
    change.push_back(one->paired.difference);
    calibration_before.push_back(&one->calibration_before);
    calibration_after.push_back(&one->calibration_after);
    pooled = one->paired;
    const auto found = items.find({at, task});
    if (found != items.end()) seeds.push_back(&found->second);
  }
  if (change.size() > 1) {
    require(seeds.size() == change.size(), Fault::internal,
            [&] { return "no item scores for " + task + " of " + arm.method + ", which has several seeds"; });
    pooled = over_seeds(seeds, change);
    out.seed_deviation = std::sqrt(variance(change));
  }
  out.task = task;
  out.before = mean(before);
  out.after = mean(after);
  out.items = pooled.items;
  out.change = pooled.difference;
  out.stderror = pooled.stderror;
  out.interval = pooled.interval;
  out.p_value = pooled.p_value;
  out.p_adjusted = pooled.p_value;
  out.detectable = pooled.detectable;
  out.calibration_before = mean_calibration(calibration_before);
  out.calibration_after = mean_calibration(calibration_after);
  return out;
}

void summarise(Arm& arm) {
  std::vector<double> p_values;
  double sum = 0;
  double variances = 0;
  for (const auto& task : arm.tasks) {
    if (task.trained_on) continue;
    p_values.push_back(task.p_value);
    sum -= task.change;
    variances += task.stderror * task.stderror;
    if (!std::isfinite(arm.worst_drop) || -task.change > arm.worst_drop) {
      arm.worst_drop = -task.change;
      arm.worst_task = task.task;
    }
  }
  if (p_values.empty()) return;
  const auto others = static_cast<double>(p_values.size());
  arm.mean_drop = sum / others;
  const double reach = normal_quantile(0.975) * std::sqrt(variances) / others;
  arm.mean_drop_interval = {arm.mean_drop - reach, arm.mean_drop + reach};
  const auto adjusted = holm(p_values);
  std::size_t at = 0;
  for (auto& task : arm.tasks) {
    if (!task.trained_on) task.p_adjusted = adjusted[at++];
  }
}

// All gains on the task trained on are one family of tests.
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

std::vector<Arm> build_arms(const std::vector<CellChange>& changes, const std::vector<ModelRow>& models,
                            const ItemTable& items) {
  std::map<std::tuple<std::int64_t, std::string, std::string, std::string>, Arm> groups;
  for (std::size_t at = 0; at < changes.size(); ++at) {
    const auto& cell = changes[at].cell;
    auto& arm = groups[{cell.base_model, cell.trained_on, cell.method, cell.recipe_json}];
    arm.base_model = cell.base_model;
    arm.model = label_of(cell.base_model, models);
    arm.method = cell.method;
    arm.trained_on = cell.trained_on;
    arm.changes.push_back(at);
  }
  std::vector<Arm> arms;
  std::map<std::tuple<std::int64_t, std::string, std::string>, int> names;
  for (auto& [key, arm] : groups) {
    std::stable_sort(arm.changes.begin(), arm.changes.end(),
                     [&changes](std::size_t a, std::size_t b) { return changes[a].cell.seed < changes[b].cell.seed; });
    const int number = ++names[{arm.base_model, arm.trained_on, arm.method}];
    if (number > 1) arm.method += " #" + std::to_string(number);
    std::vector<std::string> tasks;
    for (const auto change : arm.changes) {
      for (const auto& task : changes[change].tasks) {
        if (std::find(tasks.begin(), tasks.end(), task.task) == tasks.end()) tasks.push_back(task.task);
      }
    }
    for (const auto& task : tasks) arm.tasks.push_back(pool_task(changes, arm, task, items));
    summarise(arm);
    arms.push_back(std::move(arm));
  }
  adjust_gains(arms);
  for (auto& arm : arms) arm.finding = judge(arm);
  return arms;
}

}  // namespace touchstone::reports

namespace touchstone {

const ArmTask* Arm::target() const {
  for (const auto& task : tasks) {
    if (task.trained_on) return &task;
  }
  return nullptr;
}

std::string ReportInput::model_label(std::int64_t model) const {
  for (const auto& row : models) {
    if (row.id == model) return row.label;
  }
  return "model " + std::to_string(model);
}

}  // namespace touchstone
