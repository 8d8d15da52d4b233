// A monotone order: arms in an order, along which a quantity rises or falls. The test is the linear contrast: the rise
// from the first to the last arm along the line that fits the arms' means best. By default the arms stand at 1, 2, 3,
// ...: the linear-rank contrast, which loses little against any monotone alternative (Abelson and Tukey, Ann. Math.
// Stat. 34 (1963), 1347). Page's test (JASA 58 (1963), 216) ranks the arms within each seed and takes seeds as
// independent; but all seeds are asked the same questions, whose error it would not see, and with three seeds of four
// arms few p-values exist. A trend alone does not make an order: it is also looked at whether a step between neighbours
// is shown to go the other way.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "harness/base/error.hpp"
#include "harness/compare/claims/arm_list.hpp"
#include "harness/compare/claims/evidence.hpp"
#include "harness/compare/claims/expectation.hpp"

namespace touchstone {
namespace {

struct MonotoneOrder {
  Quantity quantity;
  ArmList list;
  bool rises = true;
  double margin = 0.0;

  /// A reader sees the metric's own direction.
  std::string expected(bool higher_is_better) const {
    std::string text = rises == higher_is_better ? "rises" : "falls";
    if (margin > 0.0) text += fmt::format(", by more than {:g}", margin);
    return text;
  }
  Expectation expectation() const {
    return {rises ? Expectation::Direction::higher : Expectation::Direction::lower, margin};
  }
};

/// sum_k w_k m_k is the rise of the fitted line from the first position to the last.
Weights line_weights(const ArmList& list) {
  double mean = 0.0;
  for (const double position : list.positions) mean += position / static_cast<double>(list.positions.size());
  double squares = 0.0;
  for (const double position : list.positions) squares += (position - mean) * (position - mean);
  const double range = list.positions.back() - list.positions.front();
  Weights weights;
  for (std::size_t at = 0; at < list.arms.size(); ++at) {
    weights.emplace_back(list.arms[at], (list.positions[at] - mean) * range / squares);
  }
  return weights;
}

/// The steps between neighbours.
struct NeighbourSteps {
  std::string back;     ///< the one that is shown to go the other way, after Holm over all steps; empty: none
  double p_back = 1.0;  ///< its corrected p, one-sided
  std::string missing;
};

NeighbourSteps steps_of(const MonotoneOrder& order, Evidence& evidence, const JudgeSettings& settings) {
  NeighbourSteps out;
  const double sign = order.rises ? 1.0 : -1.0;
  std::vector<Weighed> steps;
  std::vector<double> p_values;
  const auto& arms = order.list.arms;
  for (std::size_t at = 0; at + 1 < arms.size(); ++at) {
    steps.push_back(
        evidence.weigh(order.quantity, {{arms[at + 1], 1.0}, {arms[at], -1.0}}, Evidence::Need::every_cell));
    out.missing = steps.back().missing;
    if (!out.missing.empty()) return out;
    const auto mean = steps.back().mean(settings.alpha);
    p_values.push_back(p_beyond(-sign * mean.mean, mean));
  }
  const auto adjusted = holm(p_values);
  const auto worst = std::min_element(adjusted.begin(), adjusted.end());
  out.p_back = *worst;
  // Half the level of one side, alpha / 2: the trend has the other half, since either contradicts the order.
  if (out.p_back >= settings.alpha / 4.0) return out;
  const auto at = static_cast<std::size_t>(worst - adjusted.begin());
  const auto mean = steps[at].mean(settings.alpha);
  out.back =
      fmt::format("{} against {}: {}", arms[at + 1], arms[at], steps[at].words.with_interval(mean.mean, mean.interval));
  return out;
}

ClaimFinding judge_monotone(const MonotoneOrder& order, Evidence& evidence, const JudgeSettings& settings) {
  ClaimFinding finding;
  const auto trend = evidence.weigh(order.quantity, line_weights(order.list), Evidence::Need::every_cell);
  finding.cells = trend.cells;
  finding.missing = trend.missing;
  if (!finding.missing.empty()) return finding;
  finding.estimate = trend.mean(settings.alpha);
  settle(finding, order.expectation(), trend.words, settings);
  finding.expected = order.expected(trend.words.higher_is_better);
  finding.found += " from first to last along the fitted line";
  const auto steps = steps_of(order, evidence, settings);
  if (!steps.missing.empty()) {
    finding.missing = steps.missing;
    finding.verdict = ClaimVerdict::unmeasured;
    return finding;
  }
  if (!steps.back.empty()) {
    finding.found += ", but " + steps.back;
    finding.p_value = 1.0;
  }
  finding.p_against = std::min(1.0, 2.0 * std::min(finding.p_against, steps.p_back));
  finding.verdict = verdict_of(finding, settings.alpha,
                               without_direction(finding.estimate.interval, order.expectation(), trend.words));
  return finding;
}

}  // namespace

Claim read_monotone(Options& options) {
  MonotoneOrder order;
  order.list = read_arm_list(options, 3);
  order.quantity = read_quantity(options);
  order.rises =
      options.text("expect", "what the quantity does along the arms", {.choices = {"rises", "falls"}}) == "rises";
  order.margin = options.number("margin", "by how much from first to last", {.fallback = 0.0, .min = 0.0});
  Claim claim;
  claim.methods = order.list.arms;
  claim.quantities = {order.quantity};
  claim.compared = compared_arms(order.quantity, order.list.arms);
  claim.expected = order.expected(true);
  claim.judge = [order](Evidence& evidence, const JudgeSettings& settings) {
    return judge_monotone(order, evidence, settings);
  };
  claim.outlook = [order](Evidence& evidence, const SeedLook& look) {
    return outlook_of(evidence.weigh(order.quantity, line_weights(order.list), Evidence::Need::some), look);
  };
  return claim;
}

}  // namespace touchstone
