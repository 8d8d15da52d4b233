#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/compare/claims/claim.hpp"
#include "harness/compare/claims/evidence.hpp"
#include "harness/compare/tuning.hpp"
#include "harness/store/store.hpp"

namespace touchstone {

/// One claim, with the measured result.
struct ClaimResult : ClaimFinding {
  Claim claim;
  /// p_value after Holm's correction over the claims that stand beside the main one; p_value itself for the main one,
  /// and where a plan has none.
  double p_holm = 1.0;
  /// p_against, taken twice as p_value is, after the same correction.
  double p_against_holm = 1.0;

  double p_against_twice() const { return p_against < 0.5 ? 2.0 * p_against : 1.0; }
};

/// A plan's claims together.
struct PlanVerdict {
  std::string plan;    ///< the run's name
  std::string method;  ///< the recipe that the plan is about; empty: none was named
  std::vector<ClaimResult> claims;
  ClaimVerdict verdict = ClaimVerdict::unmeasured;
  double alpha = significance;  ///< of the intervals
  /// Of a plan that is run until its main claim is decided: the seeds so far, and the level of the look that they
  /// reach. 0 seeds for any other plan.
  SeedLook look{.seeds = 0};
  std::optional<TunedPlan> tuning;  ///< how the plan's rates were chosen, where the database holds it
  /// Why the verdict may not stand as the method's: a rate at the edge of what was tried, or none tried at all.
  std::vector<std::string> objections{};
  /// Notes about the arms for a reader of the claims: "share-0: stage pair left 34 % of its rows unspent".
  std::vector<std::string> remarks{};

  std::size_t beside() const;  ///< claims other than the main one; 0 where none is the main one
};

/// Judges the claims of a stored run. A claim is reproduced when the interval of its estimate lies within what it
/// expects, contradicted when it lies outside, without a difference when it lies close to none, and not shown otherwise
/// (tests without an estimate say it by p). The main claim's verdict is the plan's, and needs no correction for those
/// beside it, over which Holm's correction is stated.
/// Plans that were stored without a main claim among several are judged by all: reproduced when every claim is (an
/// intersection-union test: Berger, Technometrics 24 (1982), 295); contradicted when one is with Holm's correction;
/// unmeasured when one is; else not shown. Throws Fault::config for a run whose plan has no claims.
PlanVerdict judge_run(const Store& store, const RunRow& run, const JudgeSettings& settings = {});

/// What each claim could show, before it runs. `cells` are those of an earlier run of the same plan (finished or not),
/// or none; `look` is the plan's last one.
std::vector<ClaimOutlook> claim_outlooks(const std::vector<Claim>& claims, CellSource cells, const SeedLook& look);
/// A line a claim.
std::string outlook_lines(const std::vector<Claim>& claims, const std::vector<ClaimOutlook>& outlooks);
/// Throws Fault::config for a claim that the plan cannot show, naming it and why.
void require_hope(const std::vector<Claim>& claims, const std::vector<ClaimOutlook>& outlooks,
                  const std::string& where);

/// The verdict, then two lines a claim: what was expected, what was found; then tuning and remarks.
std::string verdict_lines(const PlanVerdict& verdict);
/// "mean drop elsewhere, otr - sft: -3.1 points [-4.4, -1.8], direction reproduced; ...", the main claim first.
std::string verdict_sentence(const PlanVerdict& verdict);
nlohmann::ordered_json verdict_json(const PlanVerdict& verdict);

}  // namespace touchstone
