#include "harness/cli/tune.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/base/log.hpp"

namespace touchstone {
namespace {

/// Extends every grid whose best value lies at an end.
bool grow_grids(std::vector<TriedGrid>& grids, const TunedPlan& tuned) {
  bool grown = false;
  for (std::size_t at = 0; at < grids.size(); ++at) grown = grow_grid(grids[at], tuned.methods.at(at)) || grown;
  return grown;
}

bool any_edge(const TunedPlan& tuned) {
  return std::any_of(tuned.methods.begin(), tuned.methods.end(),
                     [](const TunedMethod& method) { return method.edge != GridEdge::none; });
}

}  // namespace

TuneOutcome tune_plan(const Plan& plan, Store& store, const std::filesystem::path& work, const RunTools& tools) {
  TuneOutcome outcome;
  auto grids = first_grids(plan);
  auto checked = check_plan(tuning_plan(plan, grids), tools, work);
  const auto judged_on = tuning_quantity(plan.claims);
  while (true) {
    tools.log->info(describe(checked));
    const int done = outcome.run.done;
    outcome.run = run_plan(checked, store, work, tools);
    outcome.run.done += done;
    outcome.tuned = tuned_plan(store, stored_run(store, outcome.run.run), judged_on);
    if (!any_edge(outcome.tuned)) return outcome;
    if (outcome.grown == plan.tune->grow) {
      outcome.stopped = fmt::format("the grids grew {} times, as often as they may", outcome.grown);
      return outcome;
    }
    if (!grow_grids(grids, outcome.tuned)) return outcome;
    try {
      checked = check_plan(tuning_plan(plan, grids), tools, work);
    } catch (const Error& error) {
      if (error.fault() != Fault::config) throw;
      outcome.stopped = std::string("the next value is none that the method takes: ") + error.what();
      return outcome;
    }
    ++outcome.grown;
  }
}

std::string tune_lines(const TuneOutcome& outcome) {
  auto text = tuning_lines(outcome.tuned);
  if (!outcome.stopped.empty()) text += "  " + outcome.stopped + "\n";
  return text;
}

}  // namespace touchstone
