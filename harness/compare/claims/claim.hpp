#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "harness/compare/claims/quantity.hpp"
#include "harness/compare/drop.hpp"
#include "harness/measure/looks.hpp"

namespace touchstone {

class Evidence;

/// How strictly claims are judged.
struct JudgeSettings {
  /// Of the intervals, two-sided: 0.05 makes them 95 % ones. A plan that is judged several times while it grows
  /// ("until_decided") spends less at each look: judge_run() then takes the look's level in place of this.
  double alpha = significance;
  /// Find the smallest detectable effects as well. They take most of the time, which a simulation can do without.
  bool effects = true;
};

/// no_difference: a direction was expected, and the interval lies within 2 points of none (two one-sided tests:
/// Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987), 657).
enum class ClaimVerdict : std::uint8_t { reproduced, not_shown, contradicted, unmeasured, no_difference };
/// "direction reproduced", "not shown", "contradicted", "not measured", "no difference of 2 points".
const char* claim_verdict_name(ClaimVerdict verdict);
/// Whether more seeds could still change the finding: not of one that is reproduced, contradicted or without a
/// difference.
bool is_decided(ClaimVerdict verdict);

/// What was found of a claim.
struct ClaimFinding {
  /// Over the seeds, in the quantity's own values (of a ratio: the logarithm). A claim whose test has no such number
  /// leaves it nan.
  SeedMean estimate;
  std::size_t cells = 0;    ///< pairs of cells compared: training tasks x seeds
  double detectable = 0.0;  ///< smallest effect that so many seeds and items detect with 80 % power; nan: not known
  double p_value = 1.0;     ///< two-sided, of the test that shows the claim: below alpha exactly where it is reproduced
  double p_against = 1.0;  ///< one-sided: if the claim were true, of a result as far on the wrong side as the one found
  std::string found;       ///< in words
  std::string expected;    ///< in words, once the metric's direction is known
  std::string effect;      ///< `detectable` in words; empty: not known
  std::string missing;     ///< why it is unmeasured
  ClaimVerdict verdict = ClaimVerdict::unmeasured;
};

/// What a claim could show before it is run, by the spread of cells that are stored.
struct ClaimOutlook {
  std::size_t cells = 0;      ///< pairs of stored cells
  bool seeds_differ = false;  ///< whether stored cells tell how much seeds differ; else only items are in the numbers
  double detectable = 0.0;    ///< with the seeds of the plan and the items of the stored cells; 80 % power
  int seeds_for_2 = 0;        ///< seeds that show 2 points with these items; 0: more than 100, or no claim of points
  int seeds_for_2_at_4 = 0;   ///< the same with four times the items
  std::string text;           ///< in words
  std::string missing;        ///< why nothing is known
  /// Why the plan cannot show this claim, whatever comes: its margin is below `detectable`, or it has too few cells.
  std::string hopeless;
};

/// A statement of a plan about its methods. Its kind is one file of this folder, which reads it and fills the hooks.
struct Claim {
  std::string text;                    ///< what the paper says, in a sentence
  bool main = false;                   ///< it gives the plan's verdict
  std::string kind;                    ///< "contrast", "monotone", ...
  std::vector<std::string> methods{};  ///< of the plan; "base" is the model before training
  std::vector<Quantity> quantities{};
  std::string compared;  ///< "mean drop elsewhere, otr - sft"
  std::string expected;  ///< "higher, by more than 5 points"
  std::function<ClaimFinding(Evidence&, const JudgeSettings&)> judge{};
  /// With the seeds and at the level of a look; of a plan without looks, with its seeds at 0.05. The cells that the
  /// evidence holds may be of fewer, or there may be none.
  std::function<ClaimOutlook(Evidence&, const SeedLook& look)> outlook{};
};

/// Reads the keys of one kind; text, main and kind are filled in by the caller.
using ReadClaim = Claim (*)(Options&);
Claim read_contrast(Options& options);
Claim read_interior_maximum(Options& options);
Claim read_monotone(Options& options);
Claim read_rank_test(Options& options);
Claim read_correlation(Options& options);
Claim read_matched_gain(Options& options);

/// The "claims" of a plan; none when it has none. Throws Fault::config, naming file, entry, key, found and expected:
/// also when two claims are marked as the main one. A single claim is the main one.
std::vector<Claim> read_claims(const nlohmann::ordered_json& plan, const std::string& where);

/// The looks at which a plan of so many methods is judged until its main claim is decided, by what that claim's seed
/// variance is pooled over: all methods but one, and nothing else where it is about what is logged.
std::span<const SeedLook> looks_of(const std::vector<Claim>& claims, std::size_t methods);

/// Throws Fault::config unless one of the claims is the main one, or there is none at all. Plans that were stored
/// before there was a main claim have several and no mark.
void require_main(const std::vector<Claim>& claims, const std::string& where);

}  // namespace touchstone
