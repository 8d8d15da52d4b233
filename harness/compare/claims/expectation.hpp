#pragma once
#include "harness/compare/claims/claim.hpp"

namespace touchstone {

/// Where an estimate should lie.
struct Expectation {
  /// higher: estimate > margin; lower: < -margin; not_lower: >= -margin; not_higher: <= margin; same: between -margin
  /// and margin. For a metric where less is better, the sign of differences is turned: higher always means better.
  enum class Direction : std::uint8_t { higher, lower, not_lower, not_higher, same };
  Direction direction = Direction::higher;
  double margin = 0.0;  ///< as the plan writes it: points, the metric's unit, or by how much a ratio exceeds 1

  /// The expected range, in the quantity's own values.
  Interval range(const QuantityWords& words) const;
  /// Whether the bound of the range belongs to it: equal values are not lower.
  bool holds_at_bound() const { return direction == Direction::not_lower || direction == Direction::not_higher; }
  bool is_direction() const { return direction == Direction::higher || direction == Direction::lower; }
  /// With which power a test of one bound must show a claim that is to be shown with 80 %: equality has two bounds, and
  /// each may fail in 10 %.
  double bound_power() const { return direction == Direction::same ? 0.9 : 0.8; }
  /// "higher, by more than 5 points", "not lower, within 3 points".
  std::string text(const QuantityWords& words) const;
};

/// Reads "expect" and "margin".
Expectation read_expectation(Options& options);

/// Whether an interval of points lies so near to none that there is no direction, where one is expected.
bool without_direction(const Interval& interval, const Expectation& expectation, const QuantityWords& words);

/// The verdict that the finding's p-values give, each side at half of two-sided `alpha`; `close`: whether there is no
/// difference where one is expected.
ClaimVerdict verdict_of(const ClaimFinding& finding, double alpha, bool close);

/// Fills in verdict, p-values, detectable effect and words of a finding with an estimate.
void settle(ClaimFinding& finding, const Expectation& expectation, const QuantityWords& words,
            const JudgeSettings& settings);

/// A claim that something is not worse, or the same, must be able to show it of arms that are equal: says so where the
/// margin is below what can be detected.
void check_margin(ClaimOutlook& outlook, const Expectation& expectation, const QuantityWords& words, std::size_t seeds);

/// The one-sided p of a true value at `bound` or beyond it, for an estimate that lies `inside` of it by that much.
double p_beyond(double inside, const SeedMean& estimate);

}  // namespace touchstone
