#pragma once
#include <gtest/gtest.h>

#include "tests/store/fixture.hpp"
#include "tests/support/support.hpp"

namespace touchstone::testing {

/// A database with one base model and cells that were trained from it.
class ResultsTest : public ::testing::Test {
 protected:
  std::int64_t add_model(const std::string& name) { return store_.model(model_row("hash of " + name, name)); }

  template <class Right>
  std::int64_t measure(std::int64_t model, std::int64_t cell, const std::string& task, int items, const Right& right,
                       const std::string& benchmark = "") {
    auto made = task_measure(task, items, right);
    made.benchmark = benchmark;
    made.family = family_;
    const auto key = task + " of " + std::to_string(model);
    const auto id = store_.add_measure(key, model, environment_, made, settings_, engine(), 0.5);
    store_.link_measure(run_, cell, id);
    return id;
  }

  /// A task whose items have values of a metric that is no share of right ones.
  std::int64_t measure_values(std::int64_t model, std::int64_t cell, const std::string& task,
                              const std::vector<double>& values, const MetricSpec& metric) {
    auto made = task_measure(task, static_cast<int>(values.size()), [](int) { return false; });
    double sum = 0.0;
    for (std::size_t item = 0; item < values.size(); ++item) {
      auto& verdict = made.samples[item].verdict;
      verdict.values = {{metric.name, values[item]}};
      verdict.score = std::exp2(-values[item]);
      sum += values[item];
    }
    made.scores = {
        {metric.name, sum / static_cast<double>(values.size()), 0.01, metric.higher_is_better, 0.0, metric.unit}};
    const auto key = task + " of " + std::to_string(model);
    const auto id = store_.add_measure(key, model, environment_, made, settings_, engine(), 0.5);
    store_.link_measure(run_, cell, id);
    return id;
  }

  std::int64_t measure_bits(std::int64_t model, std::int64_t cell, const std::string& task,
                            const std::vector<double>& bits) {
    return measure_values(
        model, cell, task, bits,
        {.name = "bits_per_byte,none", .higher_is_better = false, .unit = {.scale = 1.0, .name = "bits/byte"}});
  }

  std::int64_t add_cell(const std::string& method, const std::string& trained_on, std::uint64_t seed,
                        std::int64_t result, const std::string& trained_family = "") {
    auto row = cell_row(method + trained_on + std::to_string(seed), base_);
    row.method = method;
    row.trained_on = trained_on;
    row.trained_family = trained_family;
    row.seed = seed;
    const auto cell = store_.begin_cell(run_, row);
    row.state = CellState::done;
    row.result_model = result;
    store_.finish_cell(cell, row);
    return cell;
  }

  /// What the run of this test is; its plan where the test needs one.
  virtual RunRow run_row() const { return {}; }

  TemporaryFolder folder_;
  Store store_{folder_.path() / "results.sqlite"};
  std::int64_t environment_ = store_.environment(environment());
  std::int64_t run_ = store_.begin_run(run_row(), environment_);
  std::int64_t base_ = add_model("base");
  MeasureSettings settings_;
  std::string family_;  ///< of what measure() stores; empty: each task its own
};

inline auto below(int limit) {
  return [limit](int number) { return number < limit; };
}

}  // namespace touchstone::testing
