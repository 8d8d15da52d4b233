#pragma once
#include <cstdint>
#include <string>

#include "harness/base/options.hpp"
#include "harness/data/task.hpp"
#include "harness/measure/statistics.hpp"

namespace touchstone {

/// A number of every cell of a plan that claims are about.
struct Quantity {
  /// score: a benchmark's main or named metric (percentage points). drop: mean drop on the benchmarks not trained on
  /// (points). gap: over-confidence on a benchmark, mean(confidence - right) (points). logged: a value that a stage
  /// logged. gain: what was gained on the training task (points); plans cannot name it.
  enum class Of : std::uint8_t { score, drop, gap, logged, gain };

  Of of = Of::score;
  std::string task;      ///< of score and gap: a benchmark, or "$train_on"
  std::string metric;    ///< of score: replaces the benchmark's main metric
  std::string key;       ///< of logged: "STAGE.KEY", for instance "train.trained_tokens"
  bool ratio = false;    ///< of logged: its logarithm, so that differences are of ratios
  std::string train_on;  ///< only cells trained on this; empty: the mean over all training tasks of the plan

  auto operator<=>(const Quantity&) const = default;
};

/// The training task of each cell, where a benchmark is named.
inline constexpr const char* trained_name = "$train_on";

/// Reads "of" and the keys that belong to it. `fallback` is what "of" is where the key is missing; "": it may not be.
Quantity read_quantity(Options& options, const std::string& fallback = "");

/// "score on micro-gsm8k", "mean drop elsewhere", "train.tokens_per_second".
std::string quantity_text(const Quantity& quantity);
/// ", trained on micro-gsm8k" where the quantity is of one training task alone.
std::string trained_text(const Quantity& quantity);

/// How a quantity's differences are written. All numbers are in the quantity's own values: shares, logarithms of
/// ratios.
struct QuantityWords {
  Quantity quantity;
  MetricUnit unit{};
  bool higher_is_better = true;

  bool in_points() const { return quantity.of != Quantity::Of::logged && unit.in_points(); }
  /// The value of one shown unit (a point, 1 for what is logged) in the quantity's own values.
  double from_shown(double shown) const;
  double to_shown(double value) const;
  /// "+1.3 points", "x 1.32", "17.9 points lower".
  std::string difference(double value) const;
  /// "+1.3 points [-0.6, +3.3]", "17.9 points lower [25.8 higher, 61.5 lower] (lower is better)".
  std::string with_interval(double value, const Interval& interval) const;
  /// The size of an effect, without direction: "2.0 points", "a factor of 1.31".
  std::string effect(double size) const;

 private:
  std::string number(double value, const std::string& named) const;
};

}  // namespace touchstone
