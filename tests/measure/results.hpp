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
    const auto key = task + " of " + std::to_string(model);
    const auto id = store_.add_measure(key, model, environment_, made, settings_, engine(), 0.5);
    store_.link_measure(run_, cell, id);
    return id;
  }

  std::int64_t add_cell(const std::string& method, const std::string& trained_on, std::uint64_t seed,
                        std::int64_t result) {
    auto row = cell_row(method + trained_on + std::to_string(seed), base_);
    row.method = method;
    row.trained_on = trained_on;
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
};

inline auto below(int limit) {
  return [limit](int number) { return number < limit; };
}

}  // namespace touchstone::testing
