#include "harness/compare/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/json_values.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace {

ClaimVerdict all_together(const std::vector<ClaimResult>& claims, const JudgeSettings& settings) {
  const auto any = [&](ClaimVerdict finding) {
    return std::any_of(claims.begin(), claims.end(), [&](const auto& one) { return one.verdict == finding; });
  };
  if (any(ClaimVerdict::unmeasured)) return ClaimVerdict::unmeasured;
  const auto reproduced = [](const ClaimResult& one) { return one.verdict == ClaimVerdict::reproduced; };
  if (std::all_of(claims.begin(), claims.end(), reproduced)) return ClaimVerdict::reproduced;
  std::vector<double> p_values;
  for (const auto& claim : claims) p_values.push_back(claim.p_against);
  const auto adjusted = holm(p_values);
  const bool shown = std::any_of(adjusted.begin(), adjusted.end(), [&](double p) { return p < settings.alpha / 2.0; });
  return shown ? ClaimVerdict::contradicted : ClaimVerdict::not_shown;
}

const ClaimResult* main_of(const std::vector<ClaimResult>& claims) {
  const auto found = std::find_if(claims.begin(), claims.end(), [](const auto& one) { return one.claim.main; });
  return found == claims.end() ? nullptr : &*found;
}

/// Corrects the claims beside the main one for each other.
void correct_beside(std::vector<ClaimResult>& claims) {
  for (auto& claim : claims) {
    claim.p_holm = claim.p_value;
    claim.p_against_holm = claim.p_against_twice();
  }
  if (main_of(claims) == nullptr) return;
  std::vector<double> p_values;
  std::vector<double> p_against;
  for (const auto& claim : claims) {
    if (claim.claim.main) continue;
    p_values.push_back(claim.p_value);
    p_against.push_back(claim.p_against_twice());
  }
  const auto adjusted = holm(p_values);
  const auto adjusted_against = holm(p_against);
  std::size_t next = 0;
  for (auto& claim : claims) {
    if (claim.claim.main) continue;
    claim.p_holm = adjusted[next];
    claim.p_against_holm = adjusted_against[next++];
  }
}

/// The stages of finished cells that left a part of their rows unused, over all seeds and tasks of an arm. Arms that
/// are compared at one budget then did not spend the same.
std::vector<std::string> unspent_budgets(const Store& store, const RunRow& run) {
  struct Budget {
    double unspent = 0.0;
    double given = 0.0;
  };
  std::map<std::pair<std::string, std::string>, Budget> budgets;  // by arm and stage
  for (const auto& cell : store.cells(run.id)) {
    if (cell.state != CellState::done) continue;
    for (const auto& stage : store.stages(cell.id)) {
      const auto unspent = stage.values.find("rows_unspent");
      const auto rows = stage.values.find("rows");
      if (unspent == stage.values.end() || rows == stage.values.end()) continue;
      auto& budget = budgets[{cell.method, fmt::format("{} {}", stage.stage, stage.name)}];
      budget.unspent += unspent->second;
      budget.given += unspent->second + rows->second;
    }
  }
  std::vector<std::string> remarks;
  for (const auto& [place, budget] : budgets) {
    if (budget.unspent < 0.005 * budget.given || budget.given <= 0.0) continue;
    remarks.push_back(fmt::format("{}: stage {} left {:.0f} % of its rows unspent", place.first, place.second,
                                  100.0 * budget.unspent / budget.given));
  }
  return remarks;
}

/// The smallest effect that could have been shown; only for a claim that is not shown.
std::string detectable_text(const ClaimResult& result) {
  if (result.verdict != ClaimVerdict::not_shown || result.effect.empty()) return "";
  return " (smallest detectable effect: " + result.effect + ")";
}

/// How the claims beside the main one stand after Holm's correction; nothing of the main one, or without one. The p of
/// a contradicted claim is that of the contradiction.
std::string correction_text(const PlanVerdict& verdict, const ClaimResult& result) {
  const auto beside = verdict.beside();
  if (result.claim.main || beside == 0 || result.verdict == ClaimVerdict::unmeasured) return "";
  const bool contradicted = result.verdict == ClaimVerdict::contradicted;
  const double p = contradicted ? result.p_against_twice() : result.p_value;
  const double corrected = contradicted ? result.p_against_holm : result.p_holm;
  const bool lost = (contradicted || result.verdict == ClaimVerdict::reproduced) && corrected >= verdict.alpha;
  return fmt::format(
      "{} (p {:.2g}, after Holm's correction over the {} {:.2g})", lost ? " alone, not among all" : "", p,
      beside == 1 ? "one claim beside the main one" : fmt::format("{} claims beside the main one", beside), corrected);
}

std::string found_text(const ClaimResult& result) {
  return result.verdict == ClaimVerdict::unmeasured ? result.missing : result.found;
}

std::string verdict_text(const PlanVerdict& verdict, const ClaimResult& result) {
  return claim_verdict_name(result.verdict) + correction_text(verdict, result) + detectable_text(result);
}

/// The main claim first.
std::vector<const ClaimResult*> in_order(const PlanVerdict& verdict) {
  std::vector<const ClaimResult*> claims;
  for (const auto& claim : verdict.claims) claims.push_back(&claim);
  std::stable_partition(claims.begin(), claims.end(), [](const auto* one) { return one->claim.main; });
  return claims;
}

}  // namespace

namespace {

/// The look that a stored plan has reached; `seeds` 0: it is not run until decided. Below the first look its level
/// holds.
SeedLook look_of(const Json& plan, const std::vector<Claim>& claims) {
  if (!plan.value("until_decided", false)) return {.seeds = 0};
  const auto looks = looks_of(claims, plan.value("methods", Json::array()).size());
  const auto seeds = plan.value("seeds", Json::array()).size();
  const auto* reached = reached_look(looks, seeds);
  return {.seeds = seeds, .alpha = (reached == nullptr ? looks.front() : *reached).alpha};
}

/// "seeds are added until the main claim is decided: 5 so far, intervals of this look hold 99.33 %".
std::string look_text(const SeedLook& look) {
  return fmt::format("seeds are added until the main claim is decided: {} so far, intervals of this look hold {:.2f} %",
                     look.seeds, 100.0 * (1.0 - look.alpha));
}

}  // namespace

std::size_t PlanVerdict::beside() const { return main_of(claims) == nullptr ? 0 : claims.size() - 1; }

PlanVerdict judge_run(const Store& store, const RunRow& run, const JudgeSettings& given) {
  const auto where = "run '" + run.name + "'";
  const auto plan = parse_json(run.plan_json, where);
  const auto claims = read_claims(plan, where);
  require(!claims.empty(), Fault::config, [&] { return where + ": its plan has no claims to judge"; });
  PlanVerdict verdict;
  verdict.plan = run.name;
  verdict.method = plan.value("about", "");
  verdict.look = look_of(plan, claims);
  auto settings = given;
  if (verdict.look.seeds > 0) settings.alpha = verdict.look.alpha;
  verdict.alpha = settings.alpha;
  Evidence evidence(stored_cells(store, run));
  for (const auto& claim : claims) {
    verdict.claims.push_back({claim.judge(evidence, settings), claim});
    auto& expected = verdict.claims.back().expected;
    if (expected.empty()) expected = claim.expected;
  }
  correct_beside(verdict.claims);
  const auto* main = main_of(verdict.claims);
  verdict.verdict = main == nullptr ? all_together(verdict.claims, settings) : main->verdict;
  verdict.tuning = tuning_of(store, run);
  verdict.objections = tuning_objections(plan, verdict.tuning);
  verdict.remarks = unspent_budgets(store, run);
  return verdict;
}

std::vector<ClaimOutlook> claim_outlooks(const std::vector<Claim>& claims, CellSource cells, const SeedLook& look) {
  Evidence evidence(std::move(cells));
  std::vector<ClaimOutlook> all;
  for (const auto& claim : claims) all.push_back(claim.outlook(evidence, look));
  return all;
}

std::string outlook_lines(const std::vector<Claim>& claims, const std::vector<ClaimOutlook>& outlooks) {
  std::string text;
  for (std::size_t at = 0; at < claims.size(); ++at) {
    const auto& one = outlooks[at];
    text += claims[at].compared + ": " + (one.missing.empty() ? one.text : one.missing) + "\n";
  }
  return text;
}

void require_hope(const std::vector<Claim>& claims, const std::vector<ClaimOutlook>& outlooks,
                  const std::string& where) {
  for (std::size_t at = 0; at < claims.size(); ++at) {
    require(outlooks[at].hopeless.empty(), Fault::config, [&] {
      return fmt::format("{}: key 'claims', entry {} ({}): the plan cannot show it: {}", where, at, claims[at].compared,
                         outlooks[at].hopeless);
    });
  }
}

std::string verdict_lines(const PlanVerdict& verdict) {
  auto text = fmt::format("{}: {}\n", verdict.plan, claim_verdict_name(verdict.verdict));
  for (const auto* result : in_order(verdict)) {
    text += fmt::format("  {}{}\n    expected {}: {}\n    found {}, {} pairs of cells: {}\n",
                        result->claim.main && verdict.beside() > 0 ? "main claim: " : "", result->claim.text,
                        result->claim.compared, result->expected, found_text(*result), result->cells,
                        verdict_text(verdict, *result));
  }
  if (verdict.look.seeds > 0) text += "  " + look_text(verdict.look) + "\n";
  if (verdict.tuning) text += tuning_lines(*verdict.tuning);
  for (const auto& objection : verdict.objections) text += "  cannot be recorded: " + objection + "\n";
  for (const auto& remark : verdict.remarks) text += "  note: " + remark + "\n";
  return text;
}

std::string verdict_sentence(const PlanVerdict& verdict) {
  std::vector<std::string> parts;
  for (const auto* result : in_order(verdict)) {
    parts.push_back(
        fmt::format("{}: {}, {}", result->claim.compared, found_text(*result), verdict_text(verdict, *result)));
  }
  return join(parts, "; ");
}

Json verdict_json(const PlanVerdict& verdict) {
  Json claims = Json::array();
  for (const auto* result : in_order(verdict)) {
    claims.push_back({{"claim", result->claim.text},
                      {"main", result->claim.main},
                      {"kind", result->claim.kind},
                      {"compared", result->claim.compared},
                      {"expected", result->expected},
                      {"found", found_text(*result)},
                      {"estimate", number_or_null(result->estimate.mean)},
                      {"low", number_or_null(result->estimate.interval.low)},
                      {"high", number_or_null(result->estimate.interval.high)},
                      {"detectable", number_or_null(result->detectable)},
                      {"p_value", number_or_null(result->p_value)},
                      {"p_holm", number_or_null(result->p_holm)},
                      {"p_against", number_or_null(result->p_against_twice())},
                      {"p_against_holm", number_or_null(result->p_against_holm)},
                      {"cells", result->cells},
                      {"verdict", claim_verdict_name(result->verdict)},
                      {"words", verdict_text(verdict, *result)}});
  }
  Json json = {{"plan", verdict.plan},
               {"method", verdict.method},
               {"verdict", claim_verdict_name(verdict.verdict)},
               {"text", verdict_sentence(verdict)},
               {"claims", std::move(claims)}};
  if (verdict.look.seeds > 0) json["look"] = {{"seeds", verdict.look.seeds}, {"alpha", verdict.look.alpha}};
  if (verdict.tuning) json["tuning"] = tuning_json(*verdict.tuning);
  if (!verdict.objections.empty()) json["objections"] = verdict.objections;
  if (!verdict.remarks.empty()) json["remarks"] = verdict.remarks;
  return json;
}

}  // namespace touchstone
