#pragma once
#include <filesystem>

#include "harness/compare/verdict.hpp"
#include "harness/run/runner.hpp"

namespace touchstone {

/// What a plan found that was run until its main claim was decided.
struct DecidedRun {
  RunOutcome outcome;  ///< of all looks together; `run` is the last look's
  PlanVerdict verdict;
  std::size_t seeds = 0;  ///< at the last look
};

/// Runs the plan with the seeds of each look (looks_of) in turn, and stops at the first one that decides the main
/// claim, at a failed cell, or after the last look. A cell that the store holds is not computed again, so that a later
/// call goes on at the look where this one stopped. Each look is a run of its own in the store. Throws as run_plan()
/// does, and Fault::config for a plan without claims.
DecidedRun run_until_decided(const Plan& plan, Store& store, const std::filesystem::path& work, const RunTools& tools);

}  // namespace touchstone
