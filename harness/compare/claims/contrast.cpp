// A contrast: a weighted sum of arms, most often one less another. With "not_lower", "not_higher" or "same" it is a
// claim of non-inferiority or equivalence.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/compare/claims/evidence.hpp"
#include "harness/compare/claims/expectation.hpp"

namespace touchstone {
namespace {

struct Contrast {
  Quantity quantity;
  Weights weights;
  Expectation expectation;
};

/// "otr - sft", "tuned / base", "0.5 a + 0.5 b - c".
std::string contrast_text(const Contrast& contrast) {
  const auto& weights = contrast.weights;
  if (weights.size() == 2 && weights[0].second == 1.0 && weights[1].second == -1.0) {
    return weights[0].first + (contrast.quantity.ratio ? " / " : " - ") + weights[1].first;
  }
  std::string text;
  for (const auto& [arm, weight] : weights) {
    const auto* sign = weight < 0.0 ? (text.empty() ? "-" : " - ") : (text.empty() ? "" : " + ");
    const double size = std::fabs(weight);
    text += sign + (size == 1.0 ? "" : fmt::format("{:g} ", size)) + arm;
  }
  return contrast.quantity.ratio ? "log of " + text : text;
}

Weights read_weights(Options& options) {
  const auto* found =
      options.any("weights", "arms with their weights, which sum to 0: {\"a\": 1, \"b\": -0.5, ...}", true);
  const auto place = options.where() + ": key 'weights'";
  const bool whole = found->is_object() && found->size() > 1 &&
                     std::all_of(found->begin(), found->end(), [](const Json& weight) { return weight.is_number(); });
  require(whole, Fault::config, [&] {
    return place + ": found " + shown_json(*found) + R"(, expected at least two arms with numbers, {"a": 1, "b": -1})";
  });
  Weights weights;
  double sum = 0.0;
  for (const auto& member : found->items()) {
    weights.emplace_back(member.key(), member.value().get<double>());
    sum += weights.back().second;
    require(weights.back().second != 0.0 && std::isfinite(weights.back().second), Fault::config, [&] {
      return place + ": '" + member.key() + "': found " + shown_json(member.value()) + ", expected no 0";
    });
  }
  require(std::fabs(sum) < 1e-9, Fault::config,
          [&] { return place + ": found a sum of " + fmt::format("{:g}", sum) + ", expected 0"; });
  // Keys have no order of their own: what is added stands before what is taken away.
  std::stable_partition(weights.begin(), weights.end(), [](const auto& one) { return one.second > 0.0; });
  return weights;
}

ClaimFinding judge_contrast(const Contrast& contrast, Evidence& evidence, const JudgeSettings& settings) {
  ClaimFinding finding;
  const auto weighed = evidence.weigh(contrast.quantity, contrast.weights, Evidence::Need::every_cell);
  finding.cells = weighed.cells;
  finding.missing = weighed.missing;
  finding.expected = contrast.expectation.text(weighed.words);
  if (!finding.missing.empty()) return finding;
  finding.estimate = weighed.mean(settings.alpha);
  settle(finding, contrast.expectation, weighed.words, settings);
  return finding;
}

ClaimOutlook contrast_outlook(const Contrast& contrast, Evidence& evidence, const SeedLook& look) {
  const auto pilot = evidence.weigh(contrast.quantity, contrast.weights, Evidence::Need::some);
  auto outlook = outlook_of(pilot, look, contrast.expectation.bound_power());
  check_margin(outlook, contrast.expectation, pilot.words, look.seeds);
  return outlook;
}

}  // namespace

Claim read_contrast(Options& options) {
  Contrast contrast;
  if (options.has("weights")) {
    contrast.weights = read_weights(options);
  } else {
    contrast.weights.emplace_back(options.text("arm", "the method that the claim is about"), 1.0);
    contrast.weights.emplace_back(options.text("against", "the method that it is compared with, or \"base\""), -1.0);
  }
  contrast.quantity = read_quantity(options);
  contrast.expectation = read_expectation(options);
  Claim claim;
  for (const auto& [arm, weight] : contrast.weights) claim.methods.push_back(arm);
  claim.quantities = {contrast.quantity};
  claim.compared = quantity_text(contrast.quantity) + ", " + contrast_text(contrast) + trained_text(contrast.quantity);
  claim.expected = contrast.expectation.text({contrast.quantity});
  claim.judge = [contrast](Evidence& evidence, const JudgeSettings& settings) {
    return judge_contrast(contrast, evidence, settings);
  };
  claim.outlook = [contrast](Evidence& evidence, const SeedLook& look) {
    return contrast_outlook(contrast, evidence, look);
  };
  return claim;
}

}  // namespace touchstone
