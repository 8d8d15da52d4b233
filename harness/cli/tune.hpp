#pragma once
#include <optional>

#include "harness/cli/program.hpp"
#include "harness/compare/tuning.hpp"
#include "harness/run/runner.hpp"

namespace touchstone {

/// What tuning a plan came to.
struct TuneOutcome {
  RunOutcome run;  ///< of the last grids; `done` is the sum over all
  TunedPlan tuned;
  int grown = 0;        ///< how often grids grew
  std::string stopped;  ///< why they grew no further although a best value lies at an edge; empty: none does
};

/// Runs every method of a plan at every value of its grid. While the best value of one lies at an end of its grid, that
/// grid grows by a factor of 2 there, at most plan.tune->grow times, and what is new is run.
TuneOutcome tune_plan(const Plan& plan, Store& store, const std::filesystem::path& work, const RunTools& tools);

/// The best values, which belong into the plan's "set", a line a method.
std::string tune_lines(const TuneOutcome& outcome);

}  // namespace touchstone
