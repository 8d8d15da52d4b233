#pragma once
#include <optional>
#include <string>
#include <vector>

#include "harness/measure/calibration.hpp"
#include "harness/measure/statistics.hpp"
#include "harness/store/store.hpp"

namespace touchstone {

/// One benchmark of one cell: before and after on the same items.
struct TaskChange {
  std::string task;    ///< a task or a group
  std::string metric;  ///< the main one
  bool trained_on = false;
  double before = 0.0;
  double after = 0.0;
  double chance = 0.0;
  Paired paired;        ///< of after - before, by item
  double p_holm = 1.0;  ///< over the cell's benchmarks that were not trained on
  std::vector<std::int64_t> before_measures;  ///< the stored measures compared: one a leaf task, in equal order
  std::vector<std::int64_t> after_measures;
  Calibration calibration_before;
  Calibration calibration_after;
};

/// What one cell did. drop = before - after on the benchmarks not trained on; positive is a loss of generality.
struct CellChange {
  CellRow cell;
  std::vector<TaskChange> tasks;
  double gain = 0.0;  ///< after - before on the task trained on; nan when it was not measured
  double mean_drop = 0.0;
  Interval mean_drop_interval;
  double worst_drop = 0.0;
  std::string worst_task;
  int significant_drops = 0;  ///< after Holm
};

/// Every finished cell of a run (of all runs when none is named), from the stored samples; task groups are pooled over
/// their leaves.
std::vector<CellChange> cell_changes(const Store& store, std::optional<std::int64_t> run = std::nullopt);

/// Two sets of weights on the tasks that both were measured on with equal settings.
std::vector<TaskChange> compare_models(const Store& store, std::int64_t before_model, std::int64_t after_model);

}  // namespace touchstone
