// A correlation over the cells of a plan, of two values that each has: changes against the base model, or what was
// logged. Cells of one arm resemble each other, so arms are the cases: the interval is that of clusters, and the p of a
// direction comes from the orders of the arms where they can be counted.
#include "harness/measure/correlation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "harness/base/error.hpp"
#include "harness/compare/claims/arm_list.hpp"
#include "harness/compare/claims/evidence.hpp"
#include "harness/compare/claims/expectation.hpp"

namespace touchstone {
namespace {

constexpr std::size_t fewest_arms = 4;

struct CellCorrelation {
  Quantity x;
  Quantity y;
  std::vector<std::string> arms;  ///< empty: all of the plan
  bool ranks = true;
  Expectation expectation;
};

/// The two values of each cell.
struct ValuePairs {
  std::vector<double> x;
  std::vector<double> y;
  std::vector<std::uint32_t> arm;
  std::string missing;
};

/// A quantity as it is read off: where less is better, differences are kept the other way round.
double own_value(const ArmValues& values, const ItemMean& value) {
  return values.higher_is_better ? value.value : -value.value;
}

ValuePairs value_pairs(const CellCorrelation& claim, Evidence& evidence) {
  ValuePairs out;
  std::set<std::pair<std::int64_t, std::string>> trainings;
  const auto arms = claim.arms.empty() ? evidence.methods() : claim.arms;
  if (!evidence.ended()) out.missing = "the run has not ended";
  if (arms.size() < fewest_arms) out.missing = fmt::format("{} arms, and {} are needed", arms.size(), fewest_arms);
  for (std::size_t at = 0; at < arms.size(); ++at) {
    const auto& x = evidence.differences(claim.x, arms[at], base_name);
    const auto& y = evidence.differences(claim.y, arms[at], base_name);
    const auto planned = evidence.planned(claim.x, arms[at]).size();
    std::size_t both = 0;
    for (const auto& [cell, value] : x.cells) {
      const auto other = y.cells.find(cell);
      if (other == y.cells.end()) continue;
      ++both;
      trainings.insert({cell.base_model, cell.trained_on});
      out.x.push_back(own_value(x, value));
      out.y.push_back(own_value(y, other->second));
      out.arm.push_back(static_cast<std::uint32_t>(at));
    }
    if (out.missing.empty() && (both != planned || planned == 0)) {
      out.missing = fmt::format("{} of {} cells of {} hold both values", both, planned, arms[at]);
    }
  }
  if (out.missing.empty() && trainings.size() > 1) {
    out.missing =
        "its cells are of several models or training tasks, which differ by themselves: name one with train_on";
  }
  return out;
}

bool all_equal(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [&](double value) { return value == values.front(); });
}

/// atanh of the expected bounds.
Interval fisher_range(const Expectation& expectation) {
  QuantityWords plain;
  plain.unit.scale = 1.0;
  const auto range = expectation.range(plain);
  const auto bound = [](double r) { return std::isfinite(r) ? std::atanh(r) : r; };
  return {bound(range.low), bound(range.high)};
}

std::string correlation_expected(const Expectation& expectation) {
  return expectation.text({.quantity = {}, .unit = {.scale = 1.0, .name = ""}}) +
         (expectation.margin > 0.0 ? "" : " than 0");
}

ClaimFinding judge_correlation(const CellCorrelation& claim, Evidence& evidence, const JudgeSettings& settings) {
  ClaimFinding finding;
  const auto pairs = value_pairs(claim, evidence);
  finding.cells = pairs.x.size();
  finding.missing = pairs.missing;
  finding.expected = correlation_expected(claim.expectation);
  finding.detectable = std::nan("");
  if (!finding.missing.empty()) return finding;
  for (const auto& [quantity, values] : {std::pair(&claim.x, &pairs.x), std::pair(&claim.y, &pairs.y)}) {
    if (all_equal(*values)) finding.missing = quantity_text(*quantity) + " is the same in every cell";
  }
  if (!finding.missing.empty()) return finding;
  const auto found = clustered_correlation(pairs.x, pairs.y, pairs.arm, claim.ranks, settings.alpha);
  finding.estimate.mean = found.r;
  finding.estimate.interval = found.interval;
  SeedMean z;  // the verdict is that of atanh(r), whose error is near normal
  z.mean = found.z;
  z.stderror = found.stderror;
  z.degrees = found.degrees;
  const auto range = fisher_range(claim.expectation);
  const double inside = std::min(z.mean - range.low, range.high - z.mean);
  double p = p_beyond(inside, z);
  double against = p_beyond(-inside, z);
  std::string by_orders;
  const auto orders = cluster_orders(pairs.x, pairs.y, pairs.arm, claim.ranks);
  if (orders && claim.expectation.is_direction()) {
    const bool up = claim.expectation.direction == Expectation::Direction::higher;
    const double as_far = up ? orders->as_high : orders->as_low;
    // What exceeds a margin is not 0 either; orders know of no other value than 0.
    p = claim.expectation.margin > 0.0 ? std::max(p, as_far) : as_far;
    if (claim.expectation.margin == 0.0) against = up ? orders->as_low : orders->as_high;
    by_orders =
        fmt::format(", p {:.2g} by their orders", std::min(1.0, 2.0 * std::min(orders->as_high, orders->as_low)));
  }
  const double least = least_order_p(static_cast<std::size_t>(found.degrees) + 1);
  finding.p_value = std::min(1.0, 2.0 * std::max(p, least));
  finding.p_against = std::max(against, least);
  if (settings.effects) {
    finding.detectable =
        std::tanh(detectable_difference(z.stderror, z.degrees, settings.alpha, claim.expectation.bound_power()));
    finding.effect = fmt::format("a correlation of {:.2f}", finding.detectable);
  }
  finding.found = fmt::format("{} {:+.2f} [{:+.2f}, {:+.2f}] ({} arms{})", claim.ranks ? "Spearman's" : "Pearson's",
                              found.r, found.interval.low, found.interval.high, found.degrees + 1.0, by_orders);
  finding.verdict = verdict_of(finding, settings.alpha, false);
  return finding;
}

/// By Fisher's error for as many independent cases as there are arms (1 / sqrt(n - 3)).
ClaimOutlook correlation_outlook(const CellCorrelation& claim, Evidence& evidence, const SeedLook& look) {
  ClaimOutlook outlook;
  const auto arms = claim.arms.empty() ? evidence.methods().size() : claim.arms.size();
  outlook.detectable = std::nan("");
  if (arms < fewest_arms) {
    outlook.missing = fmt::format("{} arms are stored, and {} are needed", arms, fewest_arms);
    return outlook;
  }
  const auto count = static_cast<double>(arms);
  outlook.detectable = std::tanh(
      detectable_difference(1.0 / std::sqrt(count - 3.0), count - 1.0, look.alpha, claim.expectation.bound_power()));
  outlook.text = fmt::format("{} arms could show a correlation of {:.2f} (80 % power)", arms, outlook.detectable);
  const double least = 2.0 * least_order_p(arms);
  if (least >= look.alpha) {
    outlook.text = fmt::format("{} arms; the smallest p that their orders can give is {:.2g}", arms, least);
    outlook.hopeless = outlook.text;
    return outlook;
  }
  if (!claim.expectation.is_direction() && claim.expectation.margin <= outlook.detectable) {
    outlook.hopeless =
        fmt::format("its margin of {:g} is not above {:.2f}, the smallest correlation that {} arms could show",
                    claim.expectation.margin, outlook.detectable, arms);
  }
  return outlook;
}

}  // namespace

Claim read_correlation(Options& options) {
  CellCorrelation correlation;
  if (options.has("arms")) correlation.arms = read_arms(options, "arms", "methods of the plan", fewest_arms);
  const auto read_axis = [&](const std::string& key, const std::string& help) {
    auto axis = options.child(key, help);
    auto quantity = read_quantity(axis);
    axis.done();
    return quantity;
  };
  correlation.x = read_axis("x", "one value of a cell: {\"of\": ...}");
  correlation.y = read_axis("y", "the other");
  const auto train_on = options.text("train_on", "only cells trained on this", {.fallback = ""});
  if (!train_on.empty()) correlation.x.train_on = correlation.y.train_on = train_on;
  correlation.ranks = options.text("method", "which correlation",
                                   {.fallback = "spearman", .choices = {"spearman", "pearson"}}) == "spearman";
  correlation.expectation = read_expectation(options);
  require(correlation.expectation.margin < 1.0, Fault::config,
          [&] { return options.where() + ": key 'margin': a correlation lies below 1"; });
  Claim claim;
  claim.methods = correlation.arms;
  claim.quantities = {correlation.x, correlation.y};
  claim.compared = fmt::format("correlation of {} and {}{}", quantity_text(correlation.x), quantity_text(correlation.y),
                               trained_text(correlation.x));
  claim.expected = correlation_expected(correlation.expectation);
  claim.judge = [correlation](Evidence& evidence, const JudgeSettings& settings) {
    return judge_correlation(correlation, evidence, settings);
  };
  claim.outlook = [correlation](Evidence& evidence, const SeedLook& look) {
    return correlation_outlook(correlation, evidence, look);
  };
  return claim;
}

}  // namespace touchstone
