#include "harness/compare/drop.hpp"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "harness/compare/compare.hpp"

namespace touchstone {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

using Rows = std::vector<const MeasureRow*>;

/// The comparisons in the given order, computed in parallel.
std::vector<TaskChange> compared(const std::vector<Comparable>& pairs, const std::vector<Matched>& items) {
  std::vector<TaskChange> changes(pairs.size());
  tbb::parallel_for(std::size_t{0}, pairs.size(), [&](std::size_t at) { changes[at] = compare(pairs[at], items[at]); });
  return changes;
}

void adjust(std::vector<TaskChange>& tasks) {
  std::vector<double> raw;
  for (const auto& task : tasks) {
    if (!task.trained_on) raw.push_back(task.paired.p_value);
  }
  const auto adjusted = holm(raw);
  std::size_t next = 0;
  for (auto& task : tasks) task.p_holm = task.trained_on ? task.paired.p_value : adjusted[next++];
}

ItemMean mean_of(const std::vector<ItemMean>& all) {
  std::vector<const ItemMean*> parts;
  for (const auto& one : all) parts.push_back(&one);
  return weighted_sum(parts, std::vector<double>(all.size(), 1.0 / static_cast<double>(all.size())));
}

void summarise_cell(CellChange& change) {
  std::vector<ItemMean> drops;
  std::vector<ItemMean> gains;
  double gain = 0.0;
  for (const auto& task : change.tasks) {
    if (!task.trained_on && task.p_holm < significance && task.drop > 0.0) ++change.significant_drops;
    if (!task.unit.in_points()) {
      change.notes.push_back(task.task + ": measured in " + task.unit.name + ", so no part of a mean over benchmarks");
      continue;
    }
    const double share = as_share(task.drop, task.unit);
    if (task.trained_on) {
      gain -= share;
      gains.push_back(improvement(task, as_share(1.0, task.unit)));
      continue;
    }
    if (drops.empty() || share > change.worst_drop) {
      change.worst_drop = share;
      change.worst_task = task.task;
    }
    drops.push_back(improvement(task, -as_share(1.0, task.unit)));
  }
  change.gain = gains.empty() ? nan : gain / static_cast<double>(gains.size());
  if (!gains.empty()) change.gained = mean_of(gains);
  if (drops.empty()) {
    change.mean_drop = change.worst_drop = nan;
    change.mean_drop_interval = {nan, nan};
    return;
  }
  change.drop = mean_of(drops);
  change.mean_drop = change.drop.value;
  change.mean_drop_interval =
      interval_around(change.mean_drop, std::sqrt(item_variance(change.drop)), change.drop.degrees);
}

const TaskChange* find_task(const CellChange& cell, const TaskChange& wanted) {
  for (const auto& task : cell.tasks) {
    if (task.task == wanted.task && task.metric == wanted.metric && task.settings_json == wanted.settings_json) {
      return &task;
    }
  }
  return nullptr;
}

/// Which spreads of a plan estimate one variance between seeds.
using PooledOver = std::tuple<std::string, std::string, std::string, bool>;

/// What is tested of calibration, and where its mean over seeds belongs.
struct CalibrationPart {
  ItemMean CalibrationChange::*change;
  std::optional<SeedMean> SeedSummary::Task::*mean;
};
constexpr std::array calibration_parts = {
    CalibrationPart{&CalibrationChange::gap, &SeedSummary::Task::gap},
    CalibrationPart{&CalibrationChange::brier, &SeedSummary::Task::brier},
    CalibrationPart{&CalibrationChange::squared_error, &SeedSummary::Task::squared_error}};

/// The spread of every quantity of one method over its seeds, before variances are pooled.
struct Spreads {
  struct Task {
    SeedSpread change;
    std::array<std::optional<SeedSpread>, calibration_parts.size()> calibration;  ///< none without confidences
  };
  SeedSummary summary;
  std::vector<Task> tasks;  ///< in the order of the summary's
  std::optional<SeedSpread> drop;
};

/// Of all that estimate one variance.
struct Pools {
  std::vector<SeedSpread> change;
  std::array<std::vector<SeedSpread>, calibration_parts.size()> calibration;
};

Spreads spreads_of(const std::vector<const CellChange*>& cells) {
  const auto& first = *cells.front();
  Spreads out{{first.cell.base_model, first.cell.method, first.cell.trained_on, {}, {}, {}, nan, ""}, {}, {}};
  SeedValues drops;
  for (const auto* cell : cells) {
    out.summary.cells.push_back(cell->cell.id);
    if (!std::isnan(cell->mean_drop)) drops.push_back(cell->drop);
  }
  if (drops.size() == cells.size()) out.drop = seed_spread(drops);
  for (const auto& task : first.tasks) {
    SeedValues changes;
    std::array<SeedValues, calibration_parts.size()> calibrations;
    for (const auto* cell : cells) {
      const auto* same = find_task(*cell, task);
      if (same == nullptr) continue;
      changes.push_back(improvement(*same));
      if (same->calibration.items == 0) continue;
      for (std::size_t part = 0; part < calibration_parts.size(); ++part)
        calibrations[part].push_back(same->calibration.*calibration_parts[part].change);
    }
    if (changes.size() != cells.size()) continue;
    out.summary.tasks.push_back(
        {task.task, task.metric, task.settings_json, task.unit, task.trained_on, {}, {}, {}, {}});
    auto& spreads = out.tasks.emplace_back();
    spreads.change = seed_spread(changes);
    for (std::size_t part = 0; part < calibration_parts.size(); ++part) {
      if (calibrations[part].size() == cells.size()) spreads.calibration[part] = seed_spread(calibrations[part]);
    }
  }
  return out;
}

PooledOver pooled_over(const SeedSummary::Task& task) {
  return {task.task, task.metric, task.settings_json, task.trained_on};
}

std::vector<SeedSummary> summarised(std::vector<Spreads> all) {
  std::map<PooledOver, Pools> tasks;
  std::vector<SeedSpread> drops;
  for (const auto& one : all) {
    if (one.drop) drops.push_back(*one.drop);
    for (std::size_t at = 0; at < one.tasks.size(); ++at) {
      auto& pools = tasks[pooled_over(one.summary.tasks[at])];
      pools.change.push_back(one.tasks[at].change);
      for (std::size_t part = 0; part < calibration_parts.size(); ++part) {
        if (const auto& spread = one.tasks[at].calibration[part]) pools.calibration[part].push_back(*spread);
      }
    }
  }
  const auto drop_variance = pooled_variance(drops);
  std::vector<SeedSummary> summaries;
  for (auto& one : all) {
    auto& summary = summaries.emplace_back(std::move(one.summary));
    summary.mean_drop.mean = nan;
    summary.mean_drop.interval = {nan, nan};
    if (one.drop) summary.mean_drop = over_seeds(*one.drop, drop_variance);
    for (std::size_t at = 0; at < one.tasks.size(); ++at) {
      auto& task = summary.tasks[at];
      const auto& pools = tasks.at(pooled_over(task));
      task.change = over_seeds(one.tasks[at].change, pooled_variance(pools.change));
      for (std::size_t part = 0; part < calibration_parts.size(); ++part) {
        if (const auto& spread = one.tasks[at].calibration[part])
          task.*calibration_parts[part].mean = over_seeds(*spread, pooled_variance(pools.calibration[part]));
      }
      const double drop = as_share(-task.change.mean, task.unit);
      if (!task.trained_on && task.unit.in_points() && !(drop <= summary.worst_drop)) {
        summary.worst_drop = drop;
        summary.worst_task = task.task;
      }
    }
  }
  return summaries;
}

Rows of_model(const std::vector<MeasureRow>& all, std::int64_t model) {
  Rows rows;
  for (const auto& row : all) {
    if (row.model == model) rows.push_back(&row);
  }
  return rows;
}

/// Keeps only the measures that a run or a comparison asked for.
void keep_linked(Rows& rows, const std::vector<std::int64_t>& linked) {
  std::erase_if(
      rows, [&](const MeasureRow* row) { return std::find(linked.begin(), linked.end(), row->id) == linked.end(); });
}

/// What a cell measured of tasks that the other side measured too, but never with equal settings. The other side may
/// hold more: a base is asked the questions of every seed.
std::vector<std::string> unlike(const Rows& before, const Rows& after) {
  std::vector<std::string> notes;
  for (const auto* two : after) {
    const auto same_task = [&](const MeasureRow* one) { return one->task == two->task; };
    const bool equal = std::any_of(before.begin(), before.end(),
                                   [&](const MeasureRow* one) { return same_task(one) && equal_settings(*one, *two); });
    if (equal || std::none_of(before.begin(), before.end(), same_task)) continue;
    notes.push_back(two->task + ": measured before and after with different settings, data or engines");
  }
  return notes;
}

/// The two sides of one cell's comparison.
struct Sides {
  CellRow cell;
  Rows before;
  Rows after;
};

std::vector<CellChange> changes_of(ItemReader& reader, const std::vector<Sides>& cells, const std::string& metric) {
  std::vector<CellChange> changes;
  std::vector<Comparable> pairs;
  std::vector<Matched> items;
  for (const auto& sides : cells) {
    changes.emplace_back().cell = sides.cell;
    changes.back().notes = unlike(sides.before, sides.after);
    for (auto& pair : comparable(sides.before, sides.after, metric)) {
      auto matched = match(pair, reader);
      if (matched.before.empty()) {
        changes.back().notes.push_back(pair.benchmark + ": no item was asked in the same words before and after");
        continue;
      }
      changes.back().tasks.emplace_back();
      pairs.push_back(std::move(pair));
      items.push_back(std::move(matched));
    }
  }
  auto computed = compared(pairs, items);
  std::size_t next = 0;
  for (auto& change : changes) {
    for (auto& task : change.tasks) {
      task = std::move(computed[next++]);
      task.trained_on = task.family == change.cell.trained_family;
    }
    adjust(change.tasks);
    summarise_cell(change);
  }
  return changes;
}

}  // namespace

double as_share(double difference, const MetricUnit& unit) { return difference * unit.scale / 100.0; }

ItemMean improvement(const TaskChange& task, double scale) {
  const auto* mean = &task.paired.mean;
  return weighted_sum(std::span(&mean, 1), std::vector<double>{task.higher_is_better ? scale : -scale});
}

const CellRow* counterpart(const std::vector<CellRow>& cells, const CellRow& cell, const std::string& method) {
  const auto found = std::find_if(cells.begin(), cells.end(), [&](const CellRow& row) {
    return row.state == CellState::done && row.method == method && row.base_model == cell.base_model &&
           row.trained_on == cell.trained_on && row.seed == cell.seed;
  });
  return found == cells.end() ? nullptr : &*found;
}

/// The measures of a store by model; with a run, only those that the run asked for.
class StoredMeasures {
 public:
  StoredMeasures(const Store& store, std::optional<std::int64_t> run) : all_(store.measures()) {
    if (run) linked_ = store.run_measures(*run);
  }
  /// `cell` is 0 for a base model. Valid as long as this object.
  Rows of(std::int64_t model, std::int64_t cell) const {
    auto rows = of_model(all_, model);
    if (!linked_) return rows;
    const auto found = linked_->find(cell);
    keep_linked(rows, found == linked_->end() ? std::vector<std::int64_t>() : found->second);
    return rows;
  }

 private:
  std::vector<MeasureRow> all_;
  std::optional<std::map<std::int64_t, std::vector<std::int64_t>>> linked_;
};

struct RunComparisons::Impl {
  Impl(const Store& store, std::optional<std::int64_t> run)
      : stored(store, run), cells(store.cells(run)), reader(store) {}
  StoredMeasures stored;
  std::vector<CellRow> cells;
  ItemReader reader;
};

RunComparisons::RunComparisons(const Store& store, std::optional<std::int64_t> run)
    : impl_(std::make_unique<Impl>(store, run)) {}
RunComparisons::~RunComparisons() = default;
RunComparisons::RunComparisons(RunComparisons&&) noexcept = default;
RunComparisons& RunComparisons::operator=(RunComparisons&&) noexcept = default;

const std::vector<CellRow>& RunComparisons::cells() const { return impl_->cells; }

std::vector<CellChange> RunComparisons::against_base(const std::string& metric) {
  std::vector<Sides> sides;
  for (const auto& cell : impl_->cells) {
    if (cell.state != CellState::done) continue;
    sides.push_back({cell, impl_->stored.of(cell.base_model, 0), impl_->stored.of(cell.result_model, cell.id)});
  }
  return changes_of(impl_->reader, sides, metric);
}

std::vector<CellChange> RunComparisons::against(const std::string& arm, const std::string& against,
                                                const std::string& metric) {
  std::vector<Sides> sides;
  for (const auto& cell : impl_->cells) {
    if (cell.state != CellState::done || cell.method != arm) continue;
    const auto* other = counterpart(impl_->cells, cell, against);
    if (other == nullptr) continue;
    sides.push_back(
        {cell, impl_->stored.of(other->result_model, other->id), impl_->stored.of(cell.result_model, cell.id)});
  }
  return changes_of(impl_->reader, sides, metric);
}

std::vector<CellChange> cell_changes(const Store& store, std::optional<std::int64_t> run, const std::string& metric) {
  return RunComparisons(store, run).against_base(metric);
}

std::vector<SeedSummary> seed_summaries(const std::vector<CellChange>& cells) {
  std::vector<std::vector<const CellChange*>> groups;
  for (const auto& cell : cells) {
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const auto& group) {
      const auto& first = group.front()->cell;
      return first.base_model == cell.cell.base_model && first.method == cell.cell.method &&
             first.trained_on == cell.cell.trained_on && first.recipe_json == cell.cell.recipe_json;
    });
    (same == groups.end() ? groups.emplace_back() : *same).push_back(&cell);
  }
  std::vector<Spreads> spreads;
  for (auto& group : groups) {
    std::stable_sort(group.begin(), group.end(),
                     [](const auto* one, const auto* two) { return one->cell.seed < two->cell.seed; });
    spreads.push_back(spreads_of(group));
  }
  return summarised(std::move(spreads));
}

std::vector<TaskChange> compare_models(const Store& store, const ModelMeasures& before, const ModelMeasures& after,
                                       const std::string& metric) {
  const auto measures = store.measures();
  const auto rows_of = [&](const ModelMeasures& side) {
    auto rows = of_model(measures, side.model);
    if (side.only) keep_linked(rows, *side.only);
    return rows;
  };
  ItemReader reader(store);
  std::vector<Comparable> pairs;
  std::vector<Matched> items;
  for (auto& pair : comparable(rows_of(before), rows_of(after), metric)) {
    items.push_back(match(pair, reader));
    pairs.push_back(std::move(pair));
  }
  auto changes = compared(pairs, items);
  adjust(changes);
  return changes;
}

}  // namespace touchstone
