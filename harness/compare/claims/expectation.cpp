#include "harness/compare/claims/expectation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"

namespace touchstone {
namespace {

constexpr double no_bound = std::numeric_limits<double>::infinity();

Expectation::Direction direction_named(const std::string& name) {
  if (name == "lower") return Expectation::Direction::lower;
  if (name == "not_lower") return Expectation::Direction::not_lower;
  if (name == "not_higher") return Expectation::Direction::not_higher;
  return name == "same" ? Expectation::Direction::same : Expectation::Direction::higher;
}

const char* direction_text(Expectation::Direction direction, bool higher_is_better) {
  switch (direction) {
    case Expectation::Direction::higher:
      return higher_is_better ? "higher" : "lower";
    case Expectation::Direction::lower:
      return higher_is_better ? "lower" : "higher";
    case Expectation::Direction::not_lower:
      return higher_is_better ? "not lower" : "not higher";
    case Expectation::Direction::not_higher:
      return higher_is_better ? "not higher" : "not lower";
    case Expectation::Direction::same:
      break;
  }
  return "the same";
}

}  // namespace

Interval Expectation::range(const QuantityWords& words) const {
  const double bound = words.from_shown(margin);
  switch (direction) {
    case Direction::higher:
      return {bound, no_bound};
    case Direction::lower:
      return {-no_bound, -bound};
    case Direction::not_lower:
      return {-bound, no_bound};
    case Direction::not_higher:
      return {-no_bound, bound};
    case Direction::same:
      break;
  }
  return {-bound, bound};
}

std::string Expectation::text(const QuantityWords& words) const {
  std::string out = direction_text(direction, words.higher_is_better);
  if (margin == 0.0) return out;
  const auto* word = is_direction() ? "by more than" : "within";
  if (words.quantity.ratio) return out + fmt::format(", {} a factor of {:g}", word, 1.0 + margin);
  const bool named = words.quantity.of != Quantity::Of::logged && !words.unit.name.empty();
  return out + fmt::format(", {} {:g}{}", word, margin, named ? " " + words.unit.name : "");
}

Expectation read_expectation(Options& options) {
  Expectation expectation;
  expectation.direction = direction_named(options.text(
      "expect", "where arm - against should lie", {.choices = {"higher", "lower", "not_lower", "not_higher", "same"}}));
  expectation.margin = options.number("margin", "points, or the unit of what is logged", {.fallback = 0.0, .min = 0.0});
  require(expectation.direction != Expectation::Direction::same || expectation.margin > 0.0, Fault::config, [&] {
    return options.where() + ": key 'margin': found " + shown_json(expectation.margin) +
           ", expected a number above 0, which \"expect\": \"same\" needs";
  });
  return expectation;
}

double p_beyond(double inside, const SeedMean& estimate) {
  if (estimate.stderror > 0.0) return t_or_normal_cdf(-inside / estimate.stderror, estimate.degrees);
  return estimate.stderror == 0.0 && inside > 0.0 ? 0.0 : 1.0;
}

bool without_direction(const Interval& interval, const Expectation& expectation, const QuantityWords& words) {
  const double small = words.from_shown(negligible_points);
  return expectation.is_direction() && words.in_points() && interval.low > -small && interval.high < small;
}

ClaimVerdict verdict_of(const ClaimFinding& finding, double alpha, bool close) {
  if (finding.p_value < alpha) return ClaimVerdict::reproduced;
  if (finding.p_against < alpha / 2.0) return ClaimVerdict::contradicted;
  return close ? ClaimVerdict::no_difference : ClaimVerdict::not_shown;
}

void settle(ClaimFinding& finding, const Expectation& expectation, const QuantityWords& words,
            const JudgeSettings& settings) {
  const auto range = expectation.range(words);
  const auto& found = finding.estimate;
  if (settings.effects) {
    finding.detectable =
        detectable_difference(found.stderror, found.degrees, settings.alpha, expectation.bound_power());
    finding.effect = words.effect(finding.detectable);
  }
  finding.found = words.with_interval(found.mean, found.interval);
  if (found.stderror == 0.0) finding.found += " (no spread seen: all values are equal)";
  finding.expected = expectation.text(words);
  const double inside = std::min(found.mean - range.low, range.high - found.mean);
  const bool at_bound = found.stderror == 0.0 && inside == 0.0 && expectation.holds_at_bound();
  finding.p_value = at_bound ? 0.0 : std::min(1.0, 2.0 * p_beyond(inside, found));
  finding.p_against = p_beyond(-inside, found);
  finding.verdict = verdict_of(finding, settings.alpha, without_direction(found.interval, expectation, words));
}

void check_margin(ClaimOutlook& outlook, const Expectation& expectation, const QuantityWords& words,
                  std::size_t seeds) {
  if (expectation.is_direction()) return;
  if (!outlook.missing.empty()) {
    outlook.missing += "; whether its margin can be shown is not known";
    return;
  }
  const double margin = words.from_shown(expectation.margin);
  if (margin > outlook.detectable) return;
  outlook.hopeless = fmt::format("its margin of {} is not above {}, the smallest effect that {} seeds could show",
                                 words.effect(margin), words.effect(outlook.detectable), seeds);
}

}  // namespace touchstone
