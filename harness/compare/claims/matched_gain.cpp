// Two methods compared at equal gain on the training task: what each loses elsewhere, read off its own curve over the
// learning rates tried. An arm is a method at one rate. Within each cell (a seed) the quantity is interpolated linearly
// between the two neighbouring rates whose gains bracket the wanted one.
//
// The error: D(G) = (1 - w) d_lo + w d_hi with w = (G - g_lo) / (g_hi - g_lo) depends on two drops and, through w, on
// two gains. Its derivatives are 1 - w, w, -s (1 - w) and -s w, with the slope s = (d_hi - d_lo) / (g_hi - g_lo), so
// that by the delta method D(G) varies as the weighted sum (1 - w) (d_lo - s g_lo) + w (d_hi - s g_hi) of means over
// items, whose error over seeds and items is the usual two-way one. The gain itself is taken as given, also where it is
// the largest that all reach.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>

#include "harness/base/error.hpp"
#include "harness/compare/claims/arm_list.hpp"
#include "harness/compare/claims/evidence.hpp"
#include "harness/compare/claims/expectation.hpp"

namespace touchstone {
namespace {

struct MatchedGain {
  Quantity quantity;
  std::vector<std::string> arms;    ///< the method at its rates, from the lowest
  std::vector<std::string> others;  ///< the one that it is compared with
  std::optional<double> gain;       ///< points; none: the largest that all reach
  Expectation expectation;

  Quantity gained() const {
    Quantity of_gain;
    of_gain.of = Quantity::Of::gain;
    of_gain.train_on = quantity.train_on;
    return of_gain;
  }
};

/// One cell of a method, at each of its rates.
struct RateCurve {
  std::vector<const ItemMean*> gains;
  std::vector<const ItemMean*> values;

  double highest() const {
    double most = gains.front()->value;
    for (const auto* gain : gains) most = std::max(most, gain->value);
    return most;
  }
};

/// Where a curve reaches the gain.
struct Reached {
  std::size_t low = 0;  ///< the rate below; the next one is above
  double share = 0.0;   ///< w
  double slope = 0.0;   ///< s
  ItemMean value;
};

/// The first pair of neighbours that bracket the gain, from the lowest rate.
std::optional<Reached> reach(const RateCurve& curve, double gain) {
  for (std::size_t at = 0; at + 1 < curve.gains.size(); ++at) {
    const auto& low = *curve.gains[at];
    const auto& high = *curve.gains[at + 1];
    if (low.value > gain || high.value < gain) continue;
    Reached out;
    out.low = at;
    const double step = high.value - low.value;
    out.share = step > 0.0 ? (gain - low.value) / step : 0.5;
    const double rise = curve.values[at + 1]->value - curve.values[at]->value;
    out.slope = step > 0.0 ? rise / step : 0.0;
    const double below = 1.0 - out.share;
    const std::vector<const ItemMean*> parts = {curve.values[at], curve.values[at + 1], &low, &high};
    out.value = weighted_sum(parts, std::vector<double>{below, out.share, -out.slope * below, -out.slope * out.share});
    out.value.value = below * curve.values[at]->value + out.share * curve.values[at + 1]->value;
    return out;
  }
  return std::nullopt;
}

using Curves = std::map<CellKey, RateCurve>;

/// The curves of a method's cells; `missing` is filled where the plan is incomplete.
Curves curves_of(const MatchedGain& claim, const std::vector<std::string>& arms, Evidence& evidence,
                 Evidence::Need need, std::string& missing) {
  Curves curves;
  for (const auto& arm : arms) {
    const auto& gains = evidence.differences(claim.gained(), arm, base_name);
    const auto& values = evidence.differences(claim.quantity, arm, base_name);
    std::size_t both = 0;
    for (const auto& [cell, gain] : gains.cells) {
      const auto value = values.cells.find(cell);
      if (value == values.cells.end()) continue;
      ++both;
      curves[cell].gains.push_back(&gain);
      curves[cell].values.push_back(&value->second);
    }
    const auto planned = evidence.planned(claim.quantity, arm).size();
    if (missing.empty() && need == Evidence::Need::every_cell && (both != planned || planned == 0)) {
      missing = fmt::format("{} of {} cells of {} hold gain and {}", both, planned, arm, quantity_text(claim.quantity));
    }
  }
  std::erase_if(curves, [&](const auto& curve) { return curve.second.gains.size() != arms.size(); });
  return curves;
}

/// The wanted gain of every base model and training task.
std::map<std::pair<std::int64_t, std::string>, double> wanted_gains(const MatchedGain& claim, const Curves& curves,
                                                                    const Curves& others) {
  std::map<std::pair<std::int64_t, std::string>, double> wanted;
  for (const auto* all : {&curves, &others}) {
    for (const auto& [cell, curve] : *all) {
      const double gain = claim.gain ? *claim.gain / 100.0 : curve.highest();
      const auto [place, fresh] = wanted.try_emplace({cell.base_model, cell.trained_on}, gain);
      if (!fresh) place->second = std::min(place->second, gain);
    }
  }
  return wanted;
}

/// A method with its curves and where they reach the gain.
struct MatchedMethod {
  const std::vector<std::string>* arms = nullptr;
  Curves curves;
  std::map<CellKey, Reached> reached;

  std::set<std::size_t> used() const {
    std::set<std::size_t> rates;
    for (const auto& [cell, at] : reached) rates.insert({at.low, at.low + 1});
    return rates;
  }
  double mean_slope() const {
    double sum = 0.0;
    for (const auto& [cell, at] : reached) sum += at.slope / static_cast<double>(reached.size());
    return sum;
  }
  double mean_squares() const {
    double sum = 0.0;
    for (const auto& [cell, at] : reached) sum += at.share * at.share + (1.0 - at.share) * (1.0 - at.share);
    return sum / static_cast<double>(reached.size());
  }
};

/// What the seeds' variance is made of: d - s g of every arm of both methods that brackets the gain somewhere.
std::vector<ArmSeeds> bracketing_arms(const std::array<MatchedMethod, 2>& methods) {
  std::vector<ArmSeeds> arms;
  for (const auto& method : methods) {
    const double slope = method.mean_slope();
    for (const auto rate : method.used()) {
      std::map<CellKey, ItemMean> line;
      for (const auto& [cell, at] : method.reached) {
        const auto& curve = method.curves.at(cell);
        const std::vector<const ItemMean*> parts = {curve.values[rate], curve.gains[rate]};
        line[cell] = weighted_sum(parts, std::vector<double>{1.0, -slope});
      }
      arms.push_back(by_training(line));
    }
  }
  return arms;
}

struct MatchedDifference {
  Weighed weighed;
  double gain = 0.0;  ///< mean over models and training tasks
};

/// Fills in where the curves of a method reach the gain; says why where one does not.
std::string find_reached(const std::map<std::pair<std::int64_t, std::string>, double>& wanted, MatchedMethod& method) {
  for (const auto& [cell, curve] : method.curves) {
    const double gain = wanted.at({cell.base_model, cell.trained_on});
    auto reached = reach(curve, gain);
    if (!reached) {
      std::string gains;
      for (const auto* one : curve.gains) gains += fmt::format(" {:.1f}", 100.0 * one->value);
      return fmt::format("{} to {}, seed {}: neighbouring rates do not bracket a gain of {:.1f} points (theirs:{})",
                         method.arms->front(), method.arms->back(), cell.seed, 100.0 * gain, gains);
    }
    method.reached[cell] = std::move(*reached);
  }
  return "";
}

MatchedDifference matched(const MatchedGain& claim, Evidence& evidence, Evidence::Need need) {
  MatchedDifference out;
  auto& weighed = out.weighed;
  const auto& words_from = evidence.differences(claim.quantity, claim.arms.front(), base_name);
  weighed.words = {claim.quantity, words_from.unit, words_from.higher_is_better};
  weighed.fresh = std::min(words_from.fresh, evidence.differences(claim.gained(), claim.arms.front(), base_name).fresh);
  auto& missing = weighed.missing;
  if (need == Evidence::Need::every_cell && !evidence.ended()) missing = "the run has not ended";
  std::array<MatchedMethod, 2> methods;
  methods[0].arms = &claim.arms;
  methods[1].arms = &claim.others;
  for (auto& method : methods) method.curves = curves_of(claim, *method.arms, evidence, need, missing);
  if (missing.empty() && (methods[0].curves.empty() || methods[1].curves.empty())) missing = "no stored cell holds it";
  if (!missing.empty()) return out;
  const auto wanted = wanted_gains(claim, methods[0].curves, methods[1].curves);
  for (const auto& [training, gain] : wanted) out.gain += gain / static_cast<double>(wanted.size());
  for (auto& method : methods) {
    missing = find_reached(wanted, method);
    if (!missing.empty()) return out;
  }
  std::map<CellKey, ItemMean> differences;
  for (const auto& [cell, mine] : methods[0].reached) {
    const auto theirs = methods[1].reached.find(cell);
    if (theirs == methods[1].reached.end()) continue;
    const std::vector<const ItemMean*> parts = {&mine.value, &theirs->second.value};
    differences[cell] = weighted_sum(parts, std::vector<double>{1.0, -1.0});
  }
  if (differences.size() != methods[0].curves.size() || differences.size() != methods[1].curves.size()) {
    missing = "the two methods have cells of different seeds or training tasks";
    return out;
  }
  const auto groups = by_training(differences);
  weighed.cells = differences.size();
  weighed.spread = seed_spread(groups);
  weighed.variance = variance_of_arms(bracketing_arms(methods));
  const double factor = methods[0].mean_squares() + methods[1].mean_squares();
  weighed.variance.between *= factor;
  weighed.variance.own_items *= factor;
  return out;
}

ClaimFinding judge_matched(const MatchedGain& claim, Evidence& evidence, const JudgeSettings& settings) {
  ClaimFinding finding;
  const auto found = matched(claim, evidence, Evidence::Need::every_cell);
  finding.cells = found.weighed.cells;
  finding.missing = found.weighed.missing;
  finding.expected = claim.expectation.text(found.weighed.words);
  if (!finding.missing.empty()) return finding;
  finding.estimate = found.weighed.mean(settings.alpha);
  settle(finding, claim.expectation, found.weighed.words, settings);
  finding.found += fmt::format(" at a gain of {:.1f} points", 100.0 * found.gain);
  return finding;
}

}  // namespace

Claim read_matched_gain(Options& options) {
  MatchedGain matching;
  matching.arms = read_arms(options, "arm", "the method at its rates, from the lowest: arms of the plan", 2);
  matching.others = read_arms(options, "against", "the method that it is compared with, at its rates", 2);
  for (const auto& arm : matching.arms) {
    const auto& others = matching.others;
    require(std::find(others.begin(), others.end(), arm) == others.end(), Fault::config,
            [&] { return options.where() + ": '" + arm + "' stands in 'arm' and in 'against'"; });
  }
  matching.quantity = read_quantity(options, "drop");
  require(matching.quantity.of != Quantity::Of::logged, Fault::config,
          [&] { return options.where() + ": key 'of': found \"logged\", expected drop, score or gap"; });
  if (options.has("gain")) {
    matching.gain = options.number("gain", "points on the training task; default: the largest that all reach",
                                   {.fallback = 0.0, .min = 0.0, .max = 100.0});
  }
  matching.expectation = read_expectation(options);
  Claim claim;
  claim.methods = matching.arms;
  claim.methods.insert(claim.methods.end(), matching.others.begin(), matching.others.end());
  claim.quantities = {matching.quantity};
  claim.compared = fmt::format(
      "{} at {}, {} to {} - {} to {}{}", quantity_text(matching.quantity),
      matching.gain ? fmt::format("a gain of {:g} points", *matching.gain) : "the largest gain that all reach",
      matching.arms.front(), matching.arms.back(), matching.others.front(), matching.others.back(),
      trained_text(matching.quantity));
  claim.expected = matching.expectation.text({matching.quantity});
  claim.judge = [matching](Evidence& evidence, const JudgeSettings& settings) {
    return judge_matched(matching, evidence, settings);
  };
  claim.outlook = [matching](Evidence& evidence, const SeedLook& look) {
    const auto pilot = matched(matching, evidence, Evidence::Need::some).weighed;
    auto outlook = outlook_of(pilot, look, matching.expectation.bound_power());
    check_margin(outlook, matching.expectation, pilot.words, look.seeds);
    return outlook;
  };
  return claim;
}

}  // namespace touchstone
