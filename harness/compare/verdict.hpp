#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/compare/drop.hpp"
#include "harness/store/store.hpp"

namespace touchstone {

/// A claim of a plan: what it expects of one of its methods ("arm") against another method or the base model.
struct Claim {
  /// score: a benchmark's main or named metric (percentage points). drop: mean drop on the benchmarks not trained on
  /// (points). gap: over-confidence on a benchmark, mean(confidence - right) (points). logged: a value that a stage
  /// logged.
  enum class Of : std::uint8_t { score, drop, gap, logged };
  /// For a metric where less is better, the sign of the difference is turned: higher always means better.
  /// higher: arm - against > margin; lower: < -margin; not_lower: > -margin; not_higher: < margin; same: within it.
  enum class Expect : std::uint8_t { higher, lower, not_lower, not_higher, same };

  std::string text;  ///< what the paper says, in a sentence
  std::string arm;
  std::string against;  ///< a method of the plan, or "base"
  Of of = Of::score;
  std::string task;      ///< of score and gap: a benchmark, or "$train_on"
  std::string metric;    ///< for score: replaces the benchmark's main metric
  std::string key;       ///< of logged: "STAGE.KEY", for instance "train.trained_tokens"
  bool ratio = false;    ///< for logged: margin and result are of the ratio arm / against
  std::string train_on;  ///< only cells trained on this; empty: the mean over all training tasks of the plan
  Expect expect = Expect::higher;
  double margin =
      0.0;  ///< points, or the metric's unit; for logged values their own unit, or by how much a ratio exceeds 1
};

/// The "claims" of a plan; none when it has none. Throws Fault::config, naming file, entry, key, found and expected.
std::vector<Claim> read_claims(const nlohmann::ordered_json& plan, const std::string& where);

/// no_difference: a direction was expected, and the 95 % interval lies within 2 points of none (two one-sided tests:
/// Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987), 657).
enum class ClaimVerdict : std::uint8_t { reproduced, not_shown, contradicted, unmeasured, no_difference };
/// What is too small to matter, in points.
inline constexpr double negligible_points = 2.0;
/// "direction reproduced", "not shown", "contradicted", "not measured", "no difference of 2 points".
const char* claim_verdict_name(ClaimVerdict verdict);

/// One claim, with the measured result.
struct ClaimResult {
  Claim claim;
  /// arm - against over the seeds (mean of those of each training task), in the claim's unit. For a ratio: logarithm.
  SeedMean difference;
  MetricUnit unit{};        ///< for score: the unit of the benchmark's metric
  std::size_t cells = 0;    ///< pairs of cells compared: training tasks x seeds
  double detectable = 0.0;  ///< smallest difference that so many seeds and items detect with 80 % power, alpha 0.05
  double p_against = 1.0;   ///< one-sided: if the claim were true, of a mean as far on the wrong side as the one found
  std::string missing;      ///< why it is unmeasured
  ClaimVerdict verdict = ClaimVerdict::unmeasured;
};

/// A plan's claims together.
struct PlanVerdict {
  std::string plan;    ///< the run's name
  std::string method;  ///< the recipe that the plan is about; empty: none was named
  std::vector<ClaimResult> claims;
  ClaimVerdict verdict = ClaimVerdict::unmeasured;
  /// Notes about the arms for a reader of the claims: "share-0: stage pair left 34 % of its rows unspent".
  std::vector<std::string> remarks{};
};

/// Judges the claims of a stored run. A claim is reproduced when the 95 % interval of its difference lies within what
/// it expects, contradicted when it lies outside, without a difference when it lies close to none, and not shown
/// otherwise. The plan's verdict: reproduced when every
/// claim is (which needs no correction: an intersection-union test, Berger, Technometrics 24 (1982), 295); contradicted
/// when one is with Holm's correction over the claims; unmeasured when one is; else not shown. Throws Fault::config for
/// a run whose plan has no claims.
PlanVerdict judge_run(const Store& store, const RunRow& run);

/// What a claim could show before it is run, by the spread of cells that are stored.
struct ClaimOutlook {
  Claim claim;
  MetricUnit unit{};
  std::size_t cells = 0;      ///< pairs of stored cells
  bool seeds_differ = false;  ///< whether stored cells tell how much seeds differ; else only items are in the numbers
  double detectable = 0.0;    ///< with the seeds of the plan and the items of the stored cells; 80 % power, alpha 0.05
  int seeds_for_2 = 0;        ///< seeds that show 2 points with these items; 0: more than 100
  int seeds_for_2_at_4 = 0;   ///< the same with four times the items
  std::string missing;        ///< why nothing is known
};

/// Of the claims, by the cells of a stored run of the same plan (finished or not), for `seeds` seeds.
std::vector<ClaimOutlook> claim_outlooks(const Store& store, const RunRow& pilot, const std::vector<Claim>& claims,
                                         std::size_t seeds);
/// A line a claim.
std::string outlook_lines(const std::vector<ClaimOutlook>& outlooks, std::size_t seeds);

/// The verdict, then two lines a claim: what was expected, what was found; then the remarks.
std::string verdict_lines(const PlanVerdict& verdict);
/// "drop, otr - sft: -3.1 points [-4.4, -1.8], 6 cells; ..."
std::string verdict_sentence(const PlanVerdict& verdict);
nlohmann::ordered_json verdict_json(const PlanVerdict& verdict);

}  // namespace touchstone
