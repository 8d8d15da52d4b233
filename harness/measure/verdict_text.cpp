#include <fmt/format.h>

#include <cmath>

#include "harness/base/json.hpp"
#include "harness/measure/verdict.hpp"

namespace touchstone {
namespace {

const char* expectation_text(Claim::Expect expect) {
  switch (expect) {
    case Claim::Expect::higher:
      return "higher";
    case Claim::Expect::lower:
      return "lower";
    case Claim::Expect::not_lower:
      return "not lower";
    case Claim::Expect::not_higher:
      return "not higher";
    case Claim::Expect::same:
      break;
  }
  return "the same";
}

/// "micro-gsm8k's score", "the mean drop elsewhere", "train.tokens_per_second".
std::string quantity_text(const Claim& claim) {
  const auto task = claim.task == "$train_on" ? std::string("the training task") : claim.task;
  switch (claim.of) {
    case Claim::Of::score:
      return (claim.metric.empty() ? "score" : claim.metric.substr(0, claim.metric.find(','))) + " on " + task;
    case Claim::Of::drop:
      return "mean drop elsewhere";
    case Claim::Of::ece:
      return "calibration error on " + task;
    case Claim::Of::logged:
      break;
  }
  return claim.key;
}

/// A number of the claim's unit: points with their sign, a logged value, or "x 1.32".
std::string value_text(const Claim& claim, double value) {
  if (claim.ratio) return fmt::format("x {:.3g}", std::exp(value));
  if (claim.of == Claim::Of::logged) return fmt::format("{:+.4g}", value);
  const double points = value * 100.0;
  return fmt::format("{:+.1f}", std::fabs(points) < 0.05 ? 0.0 : points);
}

std::string unit_text(const Claim& claim) { return claim.of == Claim::Of::logged ? "" : " points"; }

std::string margin_text(const Claim& claim) {
  if (claim.margin == 0.0) return "";
  const auto* word =
      claim.expect == Claim::Expect::higher || claim.expect == Claim::Expect::lower ? "by more than" : "within";
  if (claim.ratio) return fmt::format(", {} a factor of {:g}", word, 1.0 + claim.margin);
  return fmt::format(", {} {:g}{}", word, claim.margin, unit_text(claim));
}

std::string found_text(const ClaimResult& result) {
  const auto& claim = result.claim;
  if (result.verdict == ClaimVerdict::unmeasured) return result.missing;
  const auto& interval = result.difference.interval;
  return fmt::format("{}{} [{}, {}]", value_text(claim, result.difference.mean), unit_text(claim),
                     value_text(claim, interval.low), value_text(claim, interval.high));
}

/// The smallest effect that could have been shown, where nothing was.
std::string detectable_text(const ClaimResult& result) {
  if (result.verdict != ClaimVerdict::not_shown) return "";
  const auto& claim = result.claim;
  const auto effect = claim.ratio ? fmt::format("a factor of {:.3g}", std::exp(result.detectable))
                                  : value_text(claim, result.detectable).substr(1) + unit_text(claim);
  return " (smallest detectable effect: " + effect + ")";
}

std::string claim_head(const Claim& claim) {
  auto head = quantity_text(claim) + ", " + claim.arm + (claim.ratio ? " / " : " - ") + claim.against;
  if (!claim.train_on.empty()) head += ", trained on " + claim.train_on;
  return head;
}

Json finite(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

}  // namespace

const char* claim_verdict_name(ClaimVerdict verdict) {
  switch (verdict) {
    case ClaimVerdict::reproduced:
      return "direction reproduced";
    case ClaimVerdict::not_shown:
      return "not shown";
    case ClaimVerdict::contradicted:
      return "contradicted";
    case ClaimVerdict::unmeasured:
      break;
  }
  return "not measured";
}

std::string verdict_lines(const PlanVerdict& verdict) {
  auto text = fmt::format("{}: {}\n", verdict.plan, claim_verdict_name(verdict.verdict));
  for (const auto& result : verdict.claims) {
    const auto& claim = result.claim;
    text += fmt::format("  {}\n    expected {}{}\n    found {}, {} pairs of cells: {}{}\n", claim.text,
                        claim_head(claim) + ": " + expectation_text(claim.expect), margin_text(claim),
                        found_text(result), result.cells, claim_verdict_name(result.verdict), detectable_text(result));
  }
  return text;
}

std::string verdict_sentence(const PlanVerdict& verdict) {
  std::string text;
  for (const auto& result : verdict.claims) {
    if (!text.empty()) text += "; ";
    text += claim_head(result.claim) + ": " + found_text(result) + detectable_text(result);
  }
  return text;
}

Json verdict_json(const PlanVerdict& verdict) {
  Json claims = Json::array();
  for (const auto& result : verdict.claims) {
    const auto& claim = result.claim;
    const auto& found = result.difference;
    claims.push_back({{"claim", claim.text},
                      {"compared", claim_head(claim)},
                      {"expected", expectation_text(claim.expect) + margin_text(claim)},
                      {"found", found_text(result)},
                      {"difference", finite(found.mean)},
                      {"low", finite(found.interval.low)},
                      {"high", finite(found.interval.high)},
                      {"detectable", finite(result.detectable)},
                      {"cells", result.cells},
                      {"verdict", claim_verdict_name(result.verdict)}});
  }
  return {{"plan", verdict.plan},
          {"method", verdict.method},
          {"verdict", claim_verdict_name(verdict.verdict)},
          {"text", verdict_sentence(verdict)},
          {"claims", std::move(claims)}};
}

}  // namespace touchstone
