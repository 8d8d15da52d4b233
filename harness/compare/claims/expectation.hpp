#pragma once
#include "harness/compare/claims/claim.hpp"

namespace touchstone {

/// Where an estimate should lie.
struct Expectation {
  /// higher: estimate > margin; lower: < -margin; not_lower: > -margin; not_higher: < margin; same: within it. For a
  /// metric where less is better, the sign of differences is turned: higher always means better.
  enum class Direction : std::uint8_t { higher, lower, not_lower, not_higher, same };
  Direction direction = Direction::higher;
  double margin = 0.0;  ///< as the plan writes it: points, the metric's unit, or by how much a ratio exceeds 1

  /// The expected range: inside (low, high), in the quantity's own values.
  Interval range(const QuantityWords& words) const;
  bool is_direction() const { return direction == Direction::higher || direction == Direction::lower; }
  /// "higher, by more than 5 points", "not lower, within 3 points".
  std::string text(const QuantityWords& words) const;
};

/// Reads "expect" and "margin".
Expectation read_expectation(Options& options);

/// Fills in verdict, p-values, detectable effect and words of a finding with an estimate.
void settle(ClaimFinding& finding, const Expectation& expectation, const QuantityWords& words,
            const JudgeSettings& settings);

/// A claim that something is not worse, or the same, must be able to show it of arms that are equal: says so where the
/// margin is below what can be detected.
void check_margin(ClaimOutlook& outlook, const Expectation& expectation, const QuantityWords& words, std::size_t seeds);

/// The one-sided p of a true value at `bound` or beyond it, for an estimate that lies `inside` of it by that much.
double p_beyond(double inside, const SeedMean& estimate);

}  // namespace touchstone
