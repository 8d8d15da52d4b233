// An interior maximum: of arms in an order, the best is neither the first nor the last. Shown when an arm between them
// is better than both ends. For one such arm that is an intersection-union test, whose p is the larger of the two and
// needs no correction (Berger, Technometrics 24 (1982), 295); over the arms that could be the one it is corrected by
// their number (Bonferroni).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "harness/base/error.hpp"
#include "harness/compare/claims/arm_list.hpp"
#include "harness/compare/claims/evidence.hpp"
#include "harness/compare/claims/expectation.hpp"

namespace touchstone {
namespace {

struct InteriorMaximum {
  Quantity quantity;
  ArmList list;
  double sign = 1.0;    ///< -1: the best is the lowest
  double margin = 0.0;  ///< by which it must be better, in what is shown

  /// A reader sees the metric's own direction.
  std::string expected(bool higher_is_better) const {
    std::string text = (sign > 0.0) == higher_is_better ? "the highest strictly inside" : "the lowest strictly inside";
    if (margin > 0.0) text += fmt::format(", by more than {:g}", margin);
    return text;
  }
};

/// An arm between the ends against each of them; differences are positive where it is better.
struct InsideArm {
  std::size_t at = 0;
  std::array<Weighed, 2> ends;
  std::array<SeedMean, 2> means;
  double p_value = 1.0;  ///< one-sided: the larger of the two
};

double quantile(const SeedMean& mean, double alpha) { return t_or_normal_quantile(1.0 - alpha / 2.0, mean.degrees); }

/// The better end's advantage over this arm, at most: the smaller of two upper limits, each at half the level.
double most_advantage(const InsideArm& arm, double alpha) {
  double most = std::numeric_limits<double>::infinity();
  for (const auto& mean : arm.means) most = std::min(most, mean.mean + quantile(mean, alpha / 2.0) * mean.stderror);
  return most;
}

std::string missing_of(const InsideArm& arm) {
  for (const auto& end : arm.ends) {
    if (!end.missing.empty()) return end.missing;
  }
  return "";
}

std::vector<InsideArm> inside_arms(const InteriorMaximum& claim, Evidence& evidence, Evidence::Need need) {
  std::vector<InsideArm> inside;
  const auto& arms = claim.list.arms;
  for (std::size_t at = 1; at + 1 < arms.size(); ++at) {
    auto& arm = inside.emplace_back();
    arm.at = at;
    for (std::size_t end = 0; end < 2; ++end) {
      const auto& other = end == 0 ? arms.front() : arms.back();
      arm.ends[end] = evidence.weigh(claim.quantity, {{arms[at], claim.sign}, {other, -claim.sign}}, need);
    }
  }
  return inside;
}

ClaimFinding judge_interior(const InteriorMaximum& claim, Evidence& evidence, const JudgeSettings& settings) {
  ClaimFinding finding;
  auto inside = inside_arms(claim, evidence, Evidence::Need::every_cell);
  const auto tests = static_cast<double>(inside.size());
  const double level = settings.alpha / tests;
  const auto& words = inside.front().ends.front().words;
  const double margin = words.from_shown(claim.margin);
  finding.cells = inside.front().ends.front().cells;
  finding.expected = claim.expected(words.higher_is_better);
  for (auto& arm : inside) {
    finding.missing = missing_of(arm);
    if (!finding.missing.empty()) return finding;
    arm.p_value = 0.0;
    for (std::size_t end = 0; end < 2; ++end) {
      arm.means[end] = arm.ends[end].mean(level);
      arm.p_value = std::max(arm.p_value, p_beyond(arm.means[end].mean - margin, arm.means[end]));
    }
  }
  // An end is better than every arm inside: one of two ends, so twice the p.
  finding.p_against = 1.0;
  for (std::size_t end = 0; end < 2; ++end) {
    double highest = 0.0;
    for (const auto& arm : inside) highest = std::max(highest, p_beyond(-arm.means[end].mean, arm.means[end]));
    finding.p_against = std::min(finding.p_against, 2.0 * highest);
  }
  const auto& best = *std::min_element(inside.begin(), inside.end(),
                                       [](const auto& one, const auto& two) { return one.p_value < two.p_value; });
  finding.p_value = std::min(1.0, 2.0 * tests * best.p_value);
  const bool first_is_closer = best.means[0].interval.low <= best.means[1].interval.low;
  const auto own = [&](Interval interval) {
    return claim.sign > 0.0 ? interval : Interval{-interval.high, -interval.low};
  };
  // The sign is turned back, so that a reader sees the quantity's own.
  finding.estimate = best.means[first_is_closer ? 0 : 1];
  finding.estimate.mean *= claim.sign;
  finding.estimate.interval = own(finding.estimate.interval);
  const auto& wider = *std::max_element(best.means.begin(), best.means.end(),
                                        [](const auto& one, const auto& two) { return one.stderror < two.stderror; });
  if (settings.effects) {
    finding.detectable = detectable_difference(wider.stderror, wider.degrees, level);
    finding.effect = words.effect(finding.detectable);
  }
  const auto& arms = claim.list.arms;
  const auto against = [&](std::size_t end) {
    const auto& mean = best.means[end];
    return fmt::format("{} against {}", words.with_interval(claim.sign * mean.mean, own(mean.interval)),
                       end == 0 ? arms.front() : arms.back());
  };
  finding.found = fmt::format("{}: {}, {}", arm_text(claim.list, best.at), against(0), against(1));
  if (inside.size() > 1) {
    finding.found += fmt::format(" (intervals of {:.3g} %, for {} arms inside)", 100.0 * (1.0 - level), inside.size());
  }
  const bool nowhere = words.in_points() && std::all_of(inside.begin(), inside.end(), [&](const InsideArm& arm) {
                         return most_advantage(arm, settings.alpha) < words.from_shown(negligible_points);
                       });
  finding.verdict = verdict_of(finding, settings.alpha, nowhere);
  return finding;
}

/// For the arm inside that could be shown most easily, against the end that is harder to beat.
ClaimOutlook interior_outlook(const InteriorMaximum& claim, Evidence& evidence, const SeedLook& look) {
  const auto inside = inside_arms(claim, evidence, Evidence::Need::some);
  ClaimOutlook easiest;
  for (const auto& arm : inside) {
    ClaimOutlook harder;
    for (const auto& end : arm.ends) {
      auto one = outlook_of(end, {look.seeds, look.alpha / static_cast<double>(inside.size())});
      if (!one.missing.empty()) return one;
      if (harder.text.empty() || one.detectable > harder.detectable) harder = std::move(one);
    }
    if (easiest.text.empty() || harder.detectable < easiest.detectable) easiest = std::move(harder);
  }
  return easiest;
}

}  // namespace

Claim read_interior_maximum(Options& options) {
  InteriorMaximum interior;
  interior.list = read_arm_list(options, 3);
  interior.quantity = read_quantity(options);
  const bool less_is_better = interior.quantity.of == Quantity::Of::drop || interior.quantity.of == Quantity::Of::gap;
  const auto best = options.text("best", "which end of the values is the best",
                                 {.fallback = less_is_better ? "lowest" : "highest", .choices = {"highest", "lowest"}});
  interior.sign = best == "lowest" ? -1.0 : 1.0;
  interior.margin = options.number("margin", "by how much it must be better", {.fallback = 0.0, .min = 0.0});
  Claim claim;
  claim.methods = interior.list.arms;
  claim.quantities = {interior.quantity};
  claim.compared = compared_arms(interior.quantity, interior.list.arms);
  claim.expected = interior.expected(true);
  claim.judge = [interior](Evidence& evidence, const JudgeSettings& settings) {
    return judge_interior(interior, evidence, settings);
  };
  claim.outlook = [interior](Evidence& evidence, const SeedLook& look) {
    return interior_outlook(interior, evidence, look);
  };
  return claim;
}

}  // namespace touchstone
