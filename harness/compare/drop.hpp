#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/measure/calibration.hpp"
#include "harness/measure/seed_mean.hpp"
#include "harness/measure/statistics.hpp"
#include "harness/store/store.hpp"

namespace touchstone {

/// A difference counts as shown when its corrected p-value is below this.
inline constexpr double significance = 0.05;

/// One benchmark before and after, on the same items. Several leaf tasks of one benchmark (MMLU's subjects) are pooled:
/// scores are weighted by items, and each leaf is a stratum, since they are all that the benchmark has. Passages, facts
/// and templates that questions share are clusters.
struct TaskChange {
  std::string task;    ///< a task or a group
  std::string metric;  ///< the main one, or the one asked for
  int shots = 0;
  std::string settings_json;  ///< equal before and after
  std::string family;         ///< Task::family of the benchmark's leaves
  bool trained_on = false;    ///< it belongs to the family of the training task
  double before = 0.0;
  double after = 0.0;
  double chance = 0.0;
  bool higher_is_better = true;
  MetricUnit unit{};
  Paired paired;              ///< of the items' values of the metric, after - before
  double drop = 0.0;          ///< before - after; positive is worse (the sign is turned where lower is better)
  double p_holm = 1.0;        ///< over the cell's benchmarks that were not trained on
  std::int64_t left_out = 0;  ///< items that one side lacks, or that had another prompt there
  std::vector<std::int64_t> before_measures;  ///< the stored measures compared: one a leaf task, in equal order
  std::vector<std::int64_t> after_measures;
  Calibration calibration_before;  ///< of the items with a confidence on both sides; without such items it is empty
  Calibration calibration_after;
  CalibrationChange calibration;
};

/// The effect of one cell. drop = before - after on the benchmarks not trained on; positive is a loss of generality.
/// Means and the largest drop are over benchmarks whose metric is in points, as shares in [0, 1]; others have no common
/// unit.
struct CellChange {
  CellRow cell;
  std::vector<TaskChange> tasks;
  double gain = 0.0;            ///< after - before, mean over what was trained on; nan when it was not measured
  ItemMean gained;              ///< the gain with its items
  double mean_drop = 0.0;       ///< unweighted mean over benchmarks; nan without any
  ItemMean drop;                ///< the mean drop with its items; benchmarks that ask the same questions are dependent
  Interval mean_drop_interval;  ///< 95 %, of other items; for one seed, other seeds may differ by more
  double worst_drop = 0.0;
  std::string worst_task;
  int significant_drops = 0;       ///< after Holm, p < 0.05
  std::vector<std::string> notes;  ///< tasks measured on both sides that cannot be compared, with the reason
};

/// One (base model, method, trained on) over its seeds.
struct SeedSummary {
  std::int64_t base_model = 0;
  std::string method;
  std::string trained_on;
  std::vector<std::int64_t> cells;  ///< in the order of their seeds
  struct Task {
    std::string task;
    std::string metric;
    std::string settings_json;
    MetricUnit unit{};
    bool trained_on = false;
    SeedMean change;  ///< after - before, in the direction that higher is better
    /// Of what TaskChange::calibration compares; none where a seed has no confidences.
    std::optional<SeedMean> gap;
    std::optional<SeedMean> brier;
    std::optional<SeedMean> squared_error;
  };
  std::vector<Task> tasks;  ///< those that were measured for every seed
  SeedMean mean_drop;
  double worst_drop = 0.0;  ///< of the tasks' means
  std::string worst_task;
};

/// A task's change in the direction that higher is better, times `scale`.
ItemMean improvement(const TaskChange& task, double scale = 1.0);

/// A difference in the metric's own values as a share of a perfect score. Means over benchmarks are of such shares.
double as_share(double difference, const MetricUnit& unit);

/// Compares the finished cells of a run (of all runs when none is named), from the stored samples. Each measure's items
/// are read once, however often they are compared. With a run, only measures that the run asked for are compared.
/// `metric` replaces each task's main metric; tasks without it are left out.
class RunComparisons {
 public:
  explicit RunComparisons(const Store& store, std::optional<std::int64_t> run = std::nullopt);
  ~RunComparisons();
  RunComparisons(RunComparisons&&) noexcept;
  RunComparisons& operator=(RunComparisons&&) noexcept;

  const std::vector<CellRow>& cells() const;  ///< all of them, also those that failed
  /// Every finished cell against its base model.
  std::vector<CellChange> against_base(const std::string& metric = "");
  /// The finished cells of method `arm`, each against its counterpart of `against`, on the same items: "before" is the
  /// counterpart's result. A cell without a counterpart is left out.
  std::vector<CellChange> against(const std::string& arm, const std::string& against, const std::string& metric = "");

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// RunComparisons::against_base(), once.
std::vector<CellChange> cell_changes(const Store& store, std::optional<std::int64_t> run = std::nullopt,
                                     const std::string& metric = "");

/// The finished cell of another method with the same base model, training task and seed; null when there is none.
const CellRow* counterpart(const std::vector<CellRow>& cells, const CellRow& cell, const std::string& method);

/// The cells of each (base model, method, trained on) summarised over their seeds, in the order of the first cell. The
/// variance between seeds is pooled over all of them, for each benchmark and for the mean drop.
std::vector<SeedSummary> seed_summaries(const std::vector<CellChange>& cells);

/// The measures of one model that a comparison may use: all that the store holds, or some of them.
struct ModelMeasures {
  std::int64_t model = 0;
  std::optional<std::vector<std::int64_t>> only = std::nullopt;
};

/// Two sets of weights on the tasks that both were measured on with equal settings (task version, data, few-shot and
/// prompt settings, mode, dtype, device and kernels). `metric` replaces each task's main metric.
std::vector<TaskChange> compare_models(const Store& store, const ModelMeasures& before, const ModelMeasures& after,
                                       const std::string& metric = "");

}  // namespace touchstone
