#include "harness/run/until_decided.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace touchstone {

DecidedRun run_until_decided(const Plan& plan, Store& store, const std::filesystem::path& work, const RunTools& tools) {
  DecidedRun all;
  for (const auto& look : looks_of(plan)) {
    const auto checked = check_plan(plan_at_look(plan, look.seeds), tools, work);
    const auto outcome = run_plan(checked, store, work, tools);
    // Cells of an earlier look are stored for the next one: they are counted once.
    all.outcome.stored += std::max(0, outcome.stored - (all.outcome.done + all.outcome.stored));
    all.outcome.run = outcome.run;
    all.outcome.done += outcome.done;
    all.outcome.failed = outcome.failed;
    all.seeds = look.seeds;
    all.verdict = judge_run(store, stored_run(store, outcome.run));
    tools.log->info(fmt::format("{} after {} seeds, at level {:g}: {}", plan.name, look.seeds, look.alpha,
                                claim_verdict_name(all.verdict.verdict)));
    // What cannot be measured with these seeds cannot be with more: they come to the same ones.
    const bool unmeasured = all.verdict.verdict == ClaimVerdict::unmeasured;
    if (is_decided(all.verdict.verdict) || unmeasured || outcome.failed > 0) break;
  }
  return all;
}

}  // namespace touchstone
