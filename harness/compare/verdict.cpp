#include "harness/compare/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/json_values.hpp"
#include "harness/base/options.hpp"

namespace touchstone {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr const char* base_name = "base";
constexpr const char* trained_name = "$train_on";

Claim::Of quantity_of(const std::string& name) {
  if (name == "drop") return Claim::Of::drop;
  if (name == "gap") return Claim::Of::gap;
  return name == "logged" ? Claim::Of::logged : Claim::Of::score;
}

Claim::Expect expectation_of(const std::string& name) {
  if (name == "lower") return Claim::Expect::lower;
  if (name == "not_lower") return Claim::Expect::not_lower;
  if (name == "not_higher") return Claim::Expect::not_higher;
  return name == "same" ? Claim::Expect::same : Claim::Expect::higher;
}

Claim read_claim(Options options) {
  Claim claim;
  claim.text = options.text("text", "what the paper says, in a sentence");
  claim.arm = options.text("arm", "the method that the claim is about");
  claim.against = options.text("against", "the method that it is compared with, or \"base\"");
  claim.of = quantity_of(options.text("of", "what is compared", {.choices = {"score", "drop", "gap", "logged"}}));
  claim.expect = expectation_of(options.text("expect", "where arm - against should lie",
                                             {.choices = {"higher", "lower", "not_lower", "not_higher", "same"}}));
  claim.margin = options.number("margin", "points, or the unit of what is logged", {.fallback = 0.0, .min = 0.0});
  claim.train_on = options.text("train_on", "only cells trained on this", {.fallback = ""});
  if (claim.of == Claim::Of::score || claim.of == Claim::Of::gap) {
    claim.task = options.text("task", "a benchmark", {.fallback = trained_name});
  }
  if (claim.of == Claim::Of::score) {
    claim.metric = options.text("metric", "a metric of the benchmark; \"\": its main one", {.fallback = ""});
  }
  if (claim.of == Claim::Of::logged) {
    claim.key = options.text("key", "STAGE.KEY of the stage's log");
    claim.ratio = options.flag("ratio", "compare arm / against with 1", false);
    require(claim.key.find('.') != std::string::npos, Fault::config, [&] {
      return options.where() + ": key 'key': found '" + claim.key + "', expected STAGE.KEY, such as train.last_loss";
    });
    require(claim.against != base_name, Fault::config,
            [&] { return options.where() + ": the base model logs nothing: 'against' must be a method"; });
  }
  require(claim.expect != Claim::Expect::same || claim.margin > 0.0, Fault::config,
          [&] { return options.where() + ": key 'margin': \"same\" needs a margin above 0"; });
  options.done();
  return claim;
}

/// The expected range of the difference: inside (low, high).
Interval expected(const Claim& claim, const MetricUnit& unit) {
  const double margin = claim.of == Claim::Of::logged ? (claim.ratio ? std::log1p(claim.margin) : claim.margin)
                                                      : claim.margin / unit.scale;
  switch (claim.expect) {
    case Claim::Expect::higher:
      return {margin, infinity};
    case Claim::Expect::lower:
      return {-infinity, -margin};
    case Claim::Expect::not_lower:
      return {-margin, infinity};
    case Claim::Expect::not_higher:
      return {-infinity, margin};
    case Claim::Expect::same:
      break;
  }
  return {-margin, margin};
}

/// Reads the numbers that the claims of one run compare; each pair of arms once.
class Evidence {
 public:
  Evidence(const Store& store, const RunRow& run)
      : store_(store),
        run_(run.id),
        ended_(run.state == "done" || run.state == "failed"),
        cells_(store.cells(run.id)) {}

  ClaimResult judge(const Claim& claim) {
    ClaimResult result;
    result.claim = claim;
    const auto spread = claim.of == Claim::Of::logged ? logged(claim, result) : measured(claim, result);
    if (!spread && result.missing.empty()) result.missing = "no pair of finished cells holds it";
    if (!result.missing.empty()) return result;
    result.difference = over_seeds(
        *spread, claim.of == Claim::Of::logged ? pooled_variance(std::span(&*spread, 1)) : variance_of(claim));
    settle(result);
    return result;
  }

  ClaimOutlook outlook(const Claim& claim, std::size_t seeds) {
    ClaimOutlook out;
    out.claim = claim;
    if (claim.of == Claim::Of::logged) {
      out.missing = "a value of the log, whose seeds alone tell";
      return out;
    }
    ClaimResult pilot;
    const auto groups = values_of(claim, pilot);
    out.cells = pilot.cells;
    out.unit = pilot.unit;
    if (groups.empty()) {
      out.missing = "no pair of stored cells holds it";
      return out;
    }
    const auto spread = seed_spread(groups);
    const auto variance = variance_of(claim);
    out.seeds_differ = variance.degrees > 0.0;
    const double stored = static_cast<double>(out.cells) / static_cast<double>(groups.size());
    const auto smallest = [&](double wanted, double items) {
      const auto error = planned_error(spread, variance, wanted / stored, items);
      return detectable_difference(error.stderror, error.degrees);
    };
    out.detectable = smallest(static_cast<double>(seeds), 1.0);
    const double effect = negligible_points / out.unit.scale;
    const auto needed = [&](double items) {
      for (int wanted = 2; wanted <= 100; ++wanted) {
        if (smallest(wanted, items) <= effect) return wanted;
      }
      return 0;
    };
    out.seeds_for_2 = needed(1.0);
    out.seeds_for_2_at_4 = needed(4.0);
    return out;
  }

 private:
  const std::vector<CellChange>& changes(const Claim& claim) {
    const auto key = std::make_tuple(claim.arm, claim.against, claim.metric);
    const auto found = changes_.find(key);
    if (found != changes_.end()) return found->second;
    auto made = claim.against == base_name ? cell_changes(store_, run_, claim.metric)
                                           : arm_changes(store_, run_, claim.arm, claim.against, claim.metric);
    std::erase_if(made, [&](const CellChange& change) { return change.cell.method != claim.arm; });
    return changes_.emplace(key, std::move(made)).first->second;
  }

  /// The variance between seeds of what the claim compares, pooled over all methods of the plan against `against`.
  SeedVariance variance_of(const Claim& claim) {
    std::vector<SeedSpread> all;
    std::set<std::string> arms;
    for (const auto& cell : cells_) arms.insert(cell.method);
    arms.erase(claim.against);
    for (const auto& arm : arms) {
      auto same = claim;
      same.arm = arm;
      ClaimResult unused;
      const auto groups = values_of(same, unused);
      if (!groups.empty()) all.push_back(seed_spread(groups));
    }
    return pooled_variance(all);
  }

  /// arm - against of every finished pair of cells, by base model and training task.
  std::vector<SeedValues> values_of(const Claim& claim, ClaimResult& result) {
    std::map<std::pair<std::int64_t, std::string>, SeedValues> groups;
    result.cells = 0;
    for (const auto& change : changes(claim)) {
      if (!claim.train_on.empty() && change.cell.trained_on != claim.train_on) continue;
      auto value = value_of(claim, change, result.unit);
      if (!value) continue;
      ++result.cells;
      groups[{change.cell.base_model, change.cell.trained_on}].push_back(std::move(*value));
    }
    std::vector<SeedValues> out;
    for (auto& group : groups) out.push_back(std::move(group.second));
    return out;
  }

  /// Every planned cell of the arm must have its partner: an incomplete plan proves nothing.
  bool complete(const Claim& claim, ClaimResult& result) const {
    std::size_t planned = 0;
    for (const auto& cell : cells_) {
      if (cell.method == claim.arm && (claim.train_on.empty() || cell.trained_on == claim.train_on)) ++planned;
    }
    if (!ended_) result.missing = "the run has not ended";
    if (!ended_) return false;
    if (planned == result.cells && planned > 0) return true;
    result.missing = std::to_string(result.cells) + " of " + std::to_string(planned) + " cells of " + claim.arm +
                     " can be compared with " + claim.against;
    return false;
  }

  std::optional<SeedSpread> measured(const Claim& claim, ClaimResult& result) {
    const auto groups = values_of(claim, result);
    if (!complete(claim, result) || groups.empty()) return std::nullopt;
    return seed_spread(groups);
  }

  /// arm - against for one cell; none when it was not measured.
  static std::optional<ItemMean> value_of(const Claim& claim, const CellChange& change, MetricUnit& unit) {
    if (claim.of == Claim::Of::drop) {
      if (std::isnan(change.mean_drop)) return std::nullopt;
      return change.drop;
    }
    const auto& name = claim.task == trained_name ? change.cell.trained_on : claim.task;
    for (const auto& task : change.tasks) {
      if (task.task != name) continue;
      if (claim.of == Claim::Of::score) {
        unit = task.unit;
        return improvement(task);
      }
      if (task.calibration.items == 0) return std::nullopt;
      return task.calibration.gap;
    }
    return std::nullopt;
  }

  std::optional<SeedSpread> logged(const Claim& claim, ClaimResult& result) const {
    std::map<std::pair<std::int64_t, std::string>, SeedValues> groups;
    result.cells = 0;
    for (const auto& cell : cells_) {
      if (cell.method != claim.arm || (!claim.train_on.empty() && cell.trained_on != claim.train_on)) continue;
      if (cell.state != CellState::done) continue;
      const auto* other = counterpart(cells_, cell, claim.against);
      const auto mine = other == nullptr ? std::nullopt : logged_value(cell, claim.key);
      const auto theirs = mine ? logged_value(*other, claim.key) : std::nullopt;
      if (!theirs || (claim.ratio && (*mine <= 0.0 || *theirs <= 0.0))) continue;
      ++result.cells;
      const double difference = claim.ratio ? std::log(*mine / *theirs) : *mine - *theirs;
      groups[{cell.base_model, cell.trained_on}].emplace_back().value = difference;
    }
    if (!complete(claim, result) || groups.empty()) return std::nullopt;
    std::vector<SeedValues> all;
    for (auto& group : groups) {
      require(group.second.size() > 1, Fault::config,
              [&] { return "claim '" + claim.text + "': a logged value needs at least two seeds for an interval"; });
      all.push_back(std::move(group.second));
    }
    return seed_spread(all);
  }

  /// A value of a stage's end, else the last one of its curve; "tokens_per_second" comes from the curve's own columns.
  std::optional<double> logged_value(const CellRow& cell, const std::string& key) const {
    const auto dot = key.find('.');
    const auto stage = key.substr(0, dot);
    const auto name = key.substr(dot + 1);
    std::optional<double> value;
    for (const auto& report : store_.stages(cell.id)) {
      const auto found = report.values.find(name);
      if (report.name == stage && found != report.values.end()) value = found->second;
    }
    if (value) return value;
    double tokens = 0.0;
    double seconds = 0.0;
    for (const auto& step : store_.curve(cell.id)) {
      if (step.stage_name != stage) continue;
      tokens += static_cast<double>(step.tokens);
      seconds += step.seconds;
      const auto found = step.values.find(name);
      if (found != step.values.end()) value = found->second;
    }
    if (name == "tokens_per_second" && seconds > 0.0) value = tokens / seconds;
    return value;
  }

  static void settle(ClaimResult& result) {
    const auto range = expected(result.claim, result.unit);
    const auto& found = result.difference;
    const double error = found.stderror;
    result.detectable = detectable_difference(error, found.degrees);
    // The distance of the mean from the expected range, in standard errors.
    const double outside = std::max(range.low - found.mean, found.mean - range.high);
    if (error > 0.0) result.p_against = t_or_normal_cdf(-outside / error, found.degrees);
    if (error == 0.0) result.p_against = outside > 0.0 ? 0.0 : 1.0;
    if (found.interval.low > range.low && found.interval.high < range.high) {
      result.verdict = ClaimVerdict::reproduced;
    } else if (found.interval.high <= range.low || found.interval.low >= range.high) {
      result.verdict = ClaimVerdict::contradicted;
    } else {
      const double small = negligible_points / result.unit.scale;
      const bool direction =
          result.claim.expect == Claim::Expect::higher || result.claim.expect == Claim::Expect::lower;
      const bool in_points = result.claim.of != Claim::Of::logged && result.unit.in_points();
      const bool close = found.interval.low > -small && found.interval.high < small;
      result.verdict = direction && in_points && close ? ClaimVerdict::no_difference : ClaimVerdict::not_shown;
    }
  }

  const Store& store_;
  std::int64_t run_;
  bool ended_;
  std::vector<CellRow> cells_;
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<CellChange>> changes_;
};

ClaimVerdict together(const std::vector<ClaimResult>& claims) {
  const auto any = [&](ClaimVerdict finding) {
    return std::any_of(claims.begin(), claims.end(), [&](const auto& one) { return one.verdict == finding; });
  };
  if (any(ClaimVerdict::unmeasured)) return ClaimVerdict::unmeasured;
  const auto reproduced = [](const ClaimResult& one) { return one.verdict == ClaimVerdict::reproduced; };
  if (std::all_of(claims.begin(), claims.end(), reproduced)) return ClaimVerdict::reproduced;
  std::vector<double> p_values;
  for (const auto& claim : claims) p_values.push_back(claim.p_against);
  const auto adjusted = holm(p_values);
  const bool shown = std::any_of(adjusted.begin(), adjusted.end(), [](double p) { return p < significance / 2.0; });
  return shown ? ClaimVerdict::contradicted : ClaimVerdict::not_shown;
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

}  // namespace

std::vector<Claim> read_claims(const Json& plan, const std::string& where) {
  std::vector<Claim> claims;
  if (!plan.contains("claims")) return claims;
  Options options(Json{{"claims", plan["claims"]}}, where);
  for (auto& entry : options.children("claims", "what the plan expects"))
    claims.push_back(read_claim(std::move(entry)));
  return claims;
}

PlanVerdict judge_run(const Store& store, const RunRow& run) {
  const auto where = "run '" + run.name + "'";
  const auto plan = parse_json(run.plan_json, where);
  const auto claims = read_claims(plan, where);
  require(!claims.empty(), Fault::config, [&] { return where + ": its plan has no claims to judge"; });
  PlanVerdict verdict;
  verdict.plan = run.name;
  verdict.method = plan.value("about", "");
  Evidence evidence(store, run);
  for (const auto& claim : claims) verdict.claims.push_back(evidence.judge(claim));
  verdict.verdict = together(verdict.claims);
  verdict.remarks = unspent_budgets(store, run);
  return verdict;
}

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
    case Claim::Of::gap:
      return "calibration error on " + task;
    case Claim::Of::logged:
      break;
  }
  return claim.key;
}

/// A number of the claim's unit: points with their sign, a logged value, or "x 1.32".
std::string value_text(const ClaimResult& result, double value) {
  const auto& claim = result.claim;
  if (claim.ratio) return fmt::format("x {:.3g}", std::exp(value));
  if (claim.of == Claim::Of::logged) return fmt::format("{:+.4g}", value);
  const int digits = result.unit.in_points() ? 1 : 3;
  const double shown = value * result.unit.scale;
  return fmt::format("{:+.{}f}", std::fabs(shown) < 0.5 * std::pow(10.0, -digits) ? 0.0 : shown, digits);
}

std::string unit_text(const ClaimResult& result) {
  return result.claim.of == Claim::Of::logged ? "" : " " + result.unit.name;
}

std::string margin_text(const ClaimResult& result) {
  const auto& claim = result.claim;
  if (claim.margin == 0.0) return "";
  const auto* word =
      claim.expect == Claim::Expect::higher || claim.expect == Claim::Expect::lower ? "by more than" : "within";
  if (claim.ratio) return fmt::format(", {} a factor of {:g}", word, 1.0 + claim.margin);
  return fmt::format(", {} {:g}{}", word, claim.margin, unit_text(result));
}

std::string found_text(const ClaimResult& result) {
  if (result.verdict == ClaimVerdict::unmeasured) return result.missing;
  const auto& interval = result.difference.interval;
  return fmt::format("{}{} [{}, {}]", value_text(result, result.difference.mean), unit_text(result),
                     value_text(result, interval.low), value_text(result, interval.high));
}

/// The smallest effect that could have been shown; only for a claim that is not shown.
std::string detectable_text(const ClaimResult& result) {
  if (result.verdict != ClaimVerdict::not_shown) return "";
  const auto& claim = result.claim;
  const auto effect = claim.ratio ? fmt::format("a factor of {:.3g}", std::exp(result.detectable))
                                  : value_text(result, result.detectable).substr(1) + unit_text(result);
  return " (smallest detectable effect: " + effect + ")";
}

std::string claim_head(const Claim& claim) {
  auto head = quantity_text(claim) + ", " + claim.arm + (claim.ratio ? " / " : " - ") + claim.against;
  if (!claim.train_on.empty()) head += ", trained on " + claim.train_on;
  return head;
}

}  // namespace

const char* claim_verdict_name(ClaimVerdict verdict) {
  switch (verdict) {
    case ClaimVerdict::reproduced:
      return "direction reproduced";
    case ClaimVerdict::not_shown:
      return "not shown";
    case ClaimVerdict::contradicted:
      return "contradicted";
    case ClaimVerdict::no_difference:
      return "no difference of 2 points";
    case ClaimVerdict::unmeasured:
      break;
  }
  return "not measured";
}

std::vector<ClaimOutlook> claim_outlooks(const Store& store, const RunRow& pilot, const std::vector<Claim>& claims,
                                         std::size_t seeds) {
  Evidence evidence(store, pilot);
  std::vector<ClaimOutlook> all;
  for (const auto& claim : claims) all.push_back(evidence.outlook(claim, seeds));
  return all;
}

std::string outlook_lines(const std::vector<ClaimOutlook>& outlooks, std::size_t seeds) {
  const auto number_of = [](int count) { return count == 0 ? std::string("more than 100") : std::to_string(count); };
  std::string text;
  for (const auto& one : outlooks) {
    text += claim_head(one.claim) + ": ";
    if (!one.missing.empty()) {
      text += one.missing + "\n";
      continue;
    }
    text +=
        fmt::format("{} seeds could show {:.1f} {} (80 % power); {:g} need {} seeds, with four times the items {}{}\n",
                    seeds, one.detectable * one.unit.scale, one.unit.name, negligible_points,
                    number_of(one.seeds_for_2), number_of(one.seeds_for_2_at_4),
                    one.seeds_differ ? "" : "; one stored seed says nothing of how much seeds differ");
  }
  return text;
}

std::string verdict_lines(const PlanVerdict& verdict) {
  auto text = fmt::format("{}: {}\n", verdict.plan, claim_verdict_name(verdict.verdict));
  for (const auto& result : verdict.claims) {
    const auto& claim = result.claim;
    text += fmt::format("  {}\n    expected {}{}\n    found {}, {} pairs of cells: {}{}\n", claim.text,
                        claim_head(claim) + ": " + expectation_text(claim.expect), margin_text(result),
                        found_text(result), result.cells, claim_verdict_name(result.verdict), detectable_text(result));
  }
  for (const auto& remark : verdict.remarks) text += "  note: " + remark + "\n";
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
                      {"expected", expectation_text(claim.expect) + margin_text(result)},
                      {"found", found_text(result)},
                      {"difference", number_or_null(found.mean)},
                      {"low", number_or_null(found.interval.low)},
                      {"high", number_or_null(found.interval.high)},
                      {"detectable", number_or_null(result.detectable)},
                      {"cells", result.cells},
                      {"verdict", claim_verdict_name(result.verdict)}});
  }
  Json json = {{"plan", verdict.plan},
               {"method", verdict.method},
               {"verdict", claim_verdict_name(verdict.verdict)},
               {"text", verdict_sentence(verdict)},
               {"claims", std::move(claims)}};
  if (!verdict.remarks.empty()) json["remarks"] = verdict.remarks;
  return json;
}

}  // namespace touchstone
