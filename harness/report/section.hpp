#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/registry.hpp"
#include "harness/compare/drop.hpp"
#include "harness/report/block.hpp"
#include "harness/store/store.hpp"

namespace touchstone {

/// The effect of one cell on the items of one benchmark.
struct Flips {
  std::int64_t cell = 0;
  std::string task;
  std::int64_t both_right = 0;
  std::int64_t both_wrong = 0;
  std::int64_t gained = 0;
  std::int64_t lost = 0;
  double p_mcnemar = 1.0;
  std::vector<Flip> shown;  ///< some of the lost items, then some of the gained ones; equal for equal databases
};

/// The change measured with one seed.
struct SeedChange {
  std::uint64_t seed = 0;
  double change = 0.0;
};

/// One benchmark of an arm: the mean over its seeds. Changes are positive when better, whatever the metric.
struct ArmTask {
  std::string task;  ///< with its number of shots if one benchmark was measured in several ways
  std::string metric;
  MetricUnit unit{};
  bool higher_is_better = true;
  bool trained_on = false;
  double before = 0.0;
  double after = 0.0;
  double chance = 0.0;
  std::int64_t items = 0;
  double change = 0.0;         ///< after - before, with the sign turned where lower is better: above 0 is better
  double stderror = 0.0;       ///< of the change: over items, and over seeds if there are several
  double item_stderror = 0.0;  ///< the part of it that comes from the choice of items
  Interval interval;           ///< 95 %
  double p_value = 1.0;        ///< two-sided
  double p_adjusted =
      1.0;               ///< Holm: over the arm's benchmarks not trained on, or over all arms' gains on their targets
  double degrees = 0.0;  ///< of Student's t; 0: normal
  std::optional<Paired> alone;  ///< the comparison of the only seed
  /// The smallest change that this sample shows with 80 % power after Holm's correction: at 0.05 over the tests.
  double detectable = 0.0;
  std::vector<SeedChange> seeds;
  double seed_deviation = std::numeric_limits<double>::quiet_NaN();  ///< standard deviation of the change over seeds
  std::int64_t lost = 0;                                             ///< summed over seeds
  std::int64_t gained = 0;
  Calibration calibration_before;  ///< numbers are means over seeds, bins are pooled
  Calibration calibration_after;
  /// The change of mean(confidence - right), of the Brier score and of the debiased squared calibration error; none
  /// without confidences.
  std::optional<SeedMean> gap;
  std::optional<SeedMean> brier;
  std::optional<SeedMean> squared_error;
  double gap_adjusted = 1.0;  ///< Holm, over the arm's benchmarks with confidences
  double brier_adjusted = 1.0;
  double squared_error_adjusted = 1.0;
};

/// The cells that differ only in their seed: one (model, method with its settings, trained on).
struct Arm {
  std::int64_t base_model = 0;
  std::string model;   ///< followed by a number if two recipes share a name
  std::string method;  ///< made unique with a number where two recipes share a name
  std::string trained_on;
  std::vector<std::size_t> changes;  ///< indexes into ReportInput::changes, by seed
  std::vector<ArmTask> tasks;
  /// As shares, over benchmarks in points: mean over the training tasks; nan: not measured.
  double gain = std::numeric_limits<double>::quiet_NaN();
  double mean_drop = std::numeric_limits<double>::quiet_NaN();  ///< over the other benchmarks; nan if there are none
  Interval mean_drop_interval;
  double mean_drop_p = 1.0;
  double mean_drop_adjusted = 1.0;                                         ///< Holm, over the report's arms
  double mean_drop_detectable = std::numeric_limits<double>::quiet_NaN();  ///< as ArmTask::detectable
  double worst_drop = std::numeric_limits<double>::quiet_NaN();
  std::string worst_task;
  Interval worst_drop_interval;  ///< 95 % for the largest of several (Sidak)
  Finding finding = Finding::inconclusive;
};

/// The mean drop of one method over all its training tasks and seeds.
struct MethodDrop {
  std::string method;
  SeedMean drop;
  double p_adjusted = 1.0;  ///< Holm, over the methods
};

/// A metric that was measured beside the benchmarks' own, on all cells.
struct FurtherMetric {
  std::string name;  ///< "kl_forward", "pass@8", "score[level=2]"
  std::string book;  ///< the entry of the metric book that gave it: "by"
  bool higher_is_better = true;
  MetricUnit unit{};
  std::vector<CellChange> changes;  ///< of the finished cells, as in ReportInput, with the tasks that have this metric
  std::vector<Arm> arms;            ///< of these changes; what has no such task is left out
};

/// The data that every section of a report may read: computed once from the store, in a fixed order. Sections make no
/// queries.
struct ReportInput {
  std::string version;  ///< of the program
  std::vector<RunRow> runs;
  std::vector<Environment> environments;
  std::vector<ModelRow> models;
  std::vector<MeasureRow> measures;
  std::vector<CellRow> cells;          ///< finished, failed and unfinished ones
  std::vector<CellChange> changes;     ///< of the finished cells
  std::vector<Arm> arms;               ///< by model, trained on, method
  std::vector<FurtherMetric> further;  ///< in the order in which they were measured
  std::vector<MethodDrop> methods;     ///< the least drop first; those measured on what they were not trained on
  std::vector<std::string> tasks;      ///< benchmarks of the columns, in the order in which they were measured
  std::map<std::int64_t, std::vector<StepReport>> curves;   ///< by cell
  std::map<std::int64_t, std::vector<StageReport>> stages;  ///< by cell
  std::map<std::int64_t, SampleCounts> counts;              ///< by measure
  std::vector<Flips> flips;

  /// The label of a model; "model N" when there is no such row.
  std::string model_label(std::int64_t model) const;
};

/// One section of the report: its blocks, or none. Every format is written from it.
struct Section {
  std::string name;
  std::string title;
  int order = 0;  ///< sections are sorted by this, then by name
  std::function<Blocks(const ReportInput&)> blocks;
  /// Too long for a comment in a pull request: Markdown leaves it out unless it is asked for by name.
  bool is_long = false;
};

using SectionBook = Registry<Section>;

}  // namespace touchstone
