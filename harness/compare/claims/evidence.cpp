#include "harness/compare/claims/evidence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"

namespace touchstone {
namespace {

/// The benchmarks of which each seed of a stored plan draws questions of its own.
std::set<std::string> fresh_benchmarks(const RunRow& run) {
  std::set<std::string> names;
  if (run.plan_json.empty()) return names;
  const auto plan = parse_json(run.plan_json, "run '" + run.name + "'");
  for (const auto& entry : plan.value("measure_on", Json::array())) {
    if (!entry.value("fresh", false)) continue;
    for (const auto& task : entry.value("tasks", Json::array())) names.insert(task.get<std::string>());
  }
  return names;
}

/// Reads the quantities of a stored run's cells.
class StoredCells {
 public:
  StoredCells(const Store& store, const RunRow& run)
      : store_(&store), comparisons_(store, run.id), fresh_(fresh_benchmarks(run)) {}

  const std::vector<CellRow>& cells() const { return comparisons_.cells(); }

  ArmValues differences(const Quantity& quantity, const std::string& arm, const std::string& against) {
    return quantity.of == Quantity::Of::logged ? logged(quantity, arm, against) : measured(quantity, arm, against);
  }

 private:
  static CellKey key_of(const CellRow& cell) { return {cell.base_model, cell.trained_on, cell.seed}; }

  const std::vector<CellChange>& changes(const std::string& arm, const std::string& against,
                                         const std::string& metric) {
    // Against the base model all arms are compared at once.
    const auto key = std::make_tuple(against == base_name ? std::string() : arm, against, metric);
    const auto found = changes_.find(key);
    if (found != changes_.end()) return found->second;
    auto made = against == base_name ? comparisons_.against_base(metric) : comparisons_.against(arm, against, metric);
    return changes_.emplace(key, std::move(made)).first->second;
  }

  ArmValues measured(const Quantity& quantity, const std::string& arm, const std::string& against) {
    ArmValues out;
    for (const auto& change : changes(arm, against, quantity.metric)) {
      if (change.cell.method != arm) continue;
      if (!quantity.train_on.empty() && change.cell.trained_on != quantity.train_on) continue;
      const auto key = key_of(change.cell);
      if (quantity.of == Quantity::Of::drop) {
        if (!std::isnan(change.mean_drop)) out.cells[key] = change.drop;
        out.fresh = fresh_share(change, false);
        continue;
      }
      if (quantity.of == Quantity::Of::gain) {
        if (!std::isnan(change.gain)) out.cells[key] = change.gained;
        out.fresh = fresh_share(change, true);
        continue;
      }
      const auto& name = quantity.task == trained_name ? change.cell.trained_on : quantity.task;
      const auto task = std::find_if(change.tasks.begin(), change.tasks.end(),
                                     [&](const TaskChange& one) { return one.task == name; });
      if (task == change.tasks.end()) continue;
      out.fresh = fresh_.count(name) > 0 ? 1.0 : 0.0;
      if (quantity.of == Quantity::Of::score) {
        out.unit = task->unit;
        out.higher_is_better = task->higher_is_better;
        out.cells[key] = improvement(*task);
      } else if (task->calibration.items > 0) {
        out.cells[key] = task->calibration.gap;
      }
    }
    return out;
  }

  /// Of the mean over the benchmarks in points that are trained on, or not.
  double fresh_share(const CellChange& change, bool trained_on) const {
    double all = 0.0;
    double fresh = 0.0;
    for (const auto& task : change.tasks) {
      if (task.trained_on != trained_on || !task.unit.in_points()) continue;
      const double variance = item_variance(improvement(task, as_share(1.0, task.unit)));
      all += variance;
      if (fresh_.count(task.task) > 0) fresh += variance;
    }
    return all > 0.0 ? fresh / all : 0.0;
  }

  ArmValues logged(const Quantity& quantity, const std::string& arm, const std::string& against) const {
    ArmValues out;
    out.unit = {.scale = 1.0, .name = ""};
    const auto value = [&](const CellRow* cell) -> std::optional<double> {
      auto found = cell == nullptr ? std::nullopt : logged_value(*cell, quantity.key);
      if (!found || !quantity.ratio) return found;
      if (*found <= 0.0) return std::nullopt;
      return std::log(*found);
    };
    for (const auto& cell : cells()) {
      if (cell.method != arm || cell.state != CellState::done) continue;
      if (!quantity.train_on.empty() && cell.trained_on != quantity.train_on) continue;
      const auto mine = value(&cell);
      const auto theirs = against == base_name ? std::optional(0.0) : value(counterpart(cells(), cell, against));
      if (mine && theirs) out.cells[key_of(cell)].value = *mine - *theirs;
    }
    return out;
  }

  /// A value of a stage's end, else the last one of its curve; "tokens_per_second" comes from the curve's own columns,
  /// "peak_bytes" from the cell's.
  std::optional<double> logged_value(const CellRow& cell, const std::string& key) const {
    const auto dot = key.find('.');
    const auto stage = key.substr(0, dot);
    const auto name = key.substr(dot + 1);
    std::optional<double> value;
    for (const auto& report : store_->stages(cell.id)) {
      const auto found = report.values.find(name);
      if (report.name == stage && found != report.values.end()) value = found->second;
    }
    if (value) return value;
    double tokens = 0.0;
    double seconds = 0.0;
    for (const auto& step : store_->curve(cell.id)) {
      if (step.stage_name != stage) continue;
      tokens += static_cast<double>(step.tokens);
      seconds += step.seconds;
      const auto found = step.values.find(name);
      if (found != step.values.end()) value = found->second;
    }
    if (name == "tokens_per_second" && seconds > 0.0) value = tokens / seconds;
    if (name == "peak_bytes" && cell.peak_bytes > 0) value = static_cast<double>(cell.peak_bytes);
    return value;
  }

  const Store* store_;
  RunComparisons comparisons_;
  std::set<std::string> fresh_;
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<CellChange>> changes_;
};

/// The arm that the others are compared with: the one that is weighed most negatively, or the base model where it is
/// weighed at all.
std::string reference_of(const Weights& weights) {
  std::string reference;
  double lowest = 0.0;
  for (const auto& [arm, weight] : weights) {
    if (arm == base_name) return base_name;
    if (weight >= lowest) continue;
    lowest = weight;
    reference = arm;
  }
  return reference;
}

std::string incomplete(std::size_t found, std::size_t planned, const std::string& arm, const std::string& against) {
  return fmt::format("{} of {} cells of {} can be compared with {}", found, planned, arm, against);
}

}  // namespace

CellSource stored_cells(const Store& store, const RunRow& run) {
  const auto cells = std::make_shared<StoredCells>(store, run);
  CellSource source;
  source.ended = run.state == "done" || run.state == "failed";
  for (const auto& cell : cells->cells()) {
    source.planned[cell.method].push_back({cell.base_model, cell.trained_on, cell.seed});
  }
  source.differences = [cells](const Quantity& quantity, const std::string& arm, const std::string& against) {
    return cells->differences(quantity, arm, against);
  };
  return source;
}

std::vector<std::string> Evidence::methods() const {
  std::vector<std::string> names;
  for (const auto& [name, cells] : source_.planned) names.push_back(name);
  return names;
}

std::vector<CellKey> Evidence::planned(const Quantity& quantity, const std::string& arm) const {
  const auto found = source_.planned.find(arm);
  if (found == source_.planned.end()) return {};
  auto cells = found->second;
  std::erase_if(
      cells, [&](const CellKey& cell) { return !quantity.train_on.empty() && cell.trained_on != quantity.train_on; });
  return cells;
}

const ArmValues& Evidence::differences(const Quantity& quantity, const std::string& arm, const std::string& against) {
  const auto key = std::make_tuple(quantity, arm, against);
  const auto found = differences_.find(key);
  if (found != differences_.end()) return found->second;
  return differences_.emplace(key, source_.differences(quantity, arm, against)).first->second;
}

SeedVariance Evidence::variance_against_base(const Quantity& quantity) {
  const auto found = against_base_.find(quantity);
  if (found != against_base_.end()) return found->second;
  std::vector<SeedSpread> all;
  for (const auto& arm : methods()) {
    const auto& values = differences(quantity, arm, base_name);
    if (!values.cells.empty()) all.push_back(seed_spread(by_training(values.cells)));
  }
  return against_base_.emplace(quantity, pooled_variance(all)).first->second;
}

SeedVariance Evidence::variance_among_arms(const Quantity& quantity, const std::string& reference,
                                           const std::vector<CellKey>& cells) {
  auto key = std::make_tuple(quantity, reference, cells);
  const auto found = among_arms_.find(key);
  if (found != among_arms_.end()) return found->second;
  std::vector<ArmSeeds> arms;
  for (const auto& arm : methods()) {
    std::map<CellKey, ItemMean> own;
    for (const auto& cell : cells) {
      if (arm == reference) {
        own[cell] = {};  // against itself
        continue;
      }
      const auto& values = differences(quantity, arm, reference).cells;
      const auto value = values.find(cell);
      if (value != values.end()) own[cell] = value->second;
    }
    if (own.size() == cells.size()) arms.push_back(by_training(own));
  }
  return among_arms_.emplace(std::move(key), variance_of_arms(arms)).first->second;
}

Weighed Evidence::weigh(const Quantity& quantity, const Weights& weights, Need need) {
  Weighed out;
  out.words.quantity = quantity;
  const auto reference = reference_of(weights);
  std::map<CellKey, std::vector<const ItemMean*>> parts;
  std::vector<double> factors;
  std::size_t planned_cells = 0;
  double squares = 0.0;
  std::string short_of;  // the first arm that lacks a cell
  for (const auto& [arm, weight] : weights) {
    if (arm != base_name) squares += weight * weight;
    if (arm == reference || weight == 0.0) continue;
    const auto& values = differences(quantity, arm, reference);
    if (factors.empty() || !values.cells.empty()) {
      out.words.unit = values.unit;
      out.words.higher_is_better = values.higher_is_better;
    }
    out.fresh = factors.empty() ? values.fresh : std::min(out.fresh, values.fresh);
    factors.push_back(weight);
    for (const auto& [cell, value] : values.cells) {
      auto& part = parts[cell];
      if (part.size() + 1 == factors.size()) part.push_back(&value);
    }
    planned_cells = planned(quantity, arm).size();
    if (short_of.empty() && (values.cells.size() != planned_cells || planned_cells == 0)) {
      short_of = incomplete(values.cells.size(), planned_cells, arm, reference);
    }
  }
  std::map<CellKey, ItemMean> sums;
  for (const auto& [cell, part] : parts) {
    if (part.size() != factors.size()) continue;
    // One difference is taken as it is: a sum of one has the same value, but other last digits.
    sums[cell] = factors.size() == 1 && factors.front() == 1.0 ? *part.front() : weighted_sum(part, factors);
  }
  out.cells = sums.size();
  if (need == Need::every_cell) {
    if (!ended()) {
      out.missing = "the run has not ended";
    } else if (!short_of.empty()) {
      out.missing = short_of;
    } else if (sums.size() != planned_cells) {
      out.missing = fmt::format("{} cells hold all of its methods, and {} are planned", sums.size(), planned_cells);
    }
  }
  if (out.missing.empty() && sums.empty()) {
    out.missing = need == Need::some ? "no pair of stored cells holds it" : "no pair of finished cells holds it";
  }
  if (!out.missing.empty()) return out;
  const auto groups = by_training(sums);
  out.spread = seed_spread(groups);
  if (quantity.of == Quantity::Of::logged) {
    const bool alone = std::any_of(groups.begin(), groups.end(), [](const auto& seeds) { return seeds.size() < 2; });
    if (alone && need == Need::every_cell) out.missing = "a logged value needs at least two seeds for an interval";
    out.variance = pooled_variance(std::span(&out.spread, 1));
    return out;
  }
  std::vector<CellKey> cells;
  for (const auto& [cell, value] : sums) cells.push_back(cell);
  out.variance =
      reference == base_name ? variance_against_base(quantity) : variance_among_arms(quantity, reference, cells);
  out.variance.between *= squares;
  out.variance.own_items *= squares;
  return out;
}

std::vector<SeedValues> by_training(const std::map<CellKey, ItemMean>& cells) {
  std::map<std::pair<std::int64_t, std::string>, SeedValues> groups;
  for (const auto& [cell, value] : cells) groups[{cell.base_model, cell.trained_on}].push_back(value);
  std::vector<SeedValues> out;
  for (auto& [training, values] : groups) out.push_back(std::move(values));
  return out;
}

ClaimOutlook outlook_of(const Weighed& pilot, const SeedLook& look, double bound_power) {
  ClaimOutlook out;
  out.cells = pilot.cells;
  out.detectable = std::numeric_limits<double>::quiet_NaN();
  if (!pilot.missing.empty()) {
    out.missing = pilot.missing;
    return out;
  }
  const bool logged = pilot.words.quantity.of == Quantity::Of::logged;
  out.seeds_differ = pilot.variance.degrees > 0.0;
  if (logged && !out.seeds_differ) {
    out.missing = "a value of the log, which seeds alone tell, and one of them is stored";
    return out;
  }
  const double stored = static_cast<double>(pilot.cells) / pilot.spread.groups;
  auto spread = pilot.spread;
  own_questions(spread, pilot.fresh);
  const auto smallest = [&](double wanted, double items) {
    const auto error = planned_error(spread, pilot.variance, wanted / stored, items);
    return detectable_difference(error.stderror, error.degrees, look.alpha, bound_power);
  };
  const auto number_of = [](int count) { return count == 0 ? std::string("more than 100") : std::to_string(count); };
  out.detectable = smallest(static_cast<double>(look.seeds), 1.0);
  out.text = fmt::format("{} seeds could show {} (80 % power)", look.seeds, pilot.words.effect(out.detectable));
  if (pilot.words.in_points()) {
    const double effect = pilot.words.from_shown(negligible_points);
    const auto needed = [&](double items) {
      for (int wanted = 2; wanted <= 100; ++wanted) {
        if (smallest(wanted, items) <= effect) return wanted;
      }
      return 0;
    };
    out.seeds_for_2 = needed(1.0);
    out.seeds_for_2_at_4 = needed(4.0);
    out.text += fmt::format("; {:g} need {} seeds, with four times the items {}", negligible_points,
                            number_of(out.seeds_for_2), number_of(out.seeds_for_2_at_4));
  }
  if (!out.seeds_differ) out.text += "; one stored seed says nothing of how much seeds differ";
  return out;
}

}  // namespace touchstone
