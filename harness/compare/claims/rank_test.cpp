// A rank test over the cells of arms, each with one value a cell: its change against the base model, or what it logged.
// "friedman": whether several arms differ at all, in blocks of a seed. "mann_whitney": whether the cells of one group
// of arms lie above those of another. Ranks need no normal values and no model of seeds; they see cells alone, so that
// the questions, which all cells are asked alike, are taken as given.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/text.hpp"
#include "harness/compare/claims/arm_list.hpp"
#include "harness/compare/claims/evidence.hpp"
#include "harness/compare/claims/expectation.hpp"
#include "harness/measure/rank_tests.hpp"

namespace touchstone {
namespace {

/// Values of arms, cell by cell; `missing` says why there are none.
struct CellValues {
  std::vector<std::string> arms;
  std::map<CellKey, std::vector<double>> cells;  ///< of each cell, the arms' values in their order; all hold every arm
  QuantityWords words;
  std::string missing;

  /// All values of some of the arms.
  std::vector<double> of(std::size_t first_arm, std::size_t last_arm) const {
    std::vector<double> values;
    for (const auto& [key, row] : cells) {
      for (std::size_t at = first_arm; at < last_arm; ++at) values.push_back(row[at]);
    }
    return values;
  }
};

CellValues cell_values(const Quantity& quantity, const std::vector<std::string>& arms, Evidence& evidence) {
  CellValues out{.arms = arms, .cells = {}, .words = {.quantity = quantity}, .missing = ""};
  if (!evidence.ended()) out.missing = "the run has not ended";
  for (const auto& arm : arms) {
    const auto& values = evidence.differences(quantity, arm, base_name);
    const auto planned = evidence.planned(quantity, arm).size();
    if (out.missing.empty() && (values.cells.size() != planned || planned == 0)) {
      out.missing = fmt::format("{} of {} cells of {} hold it", values.cells.size(), planned, arm);
    }
    out.words.unit = values.unit;
    out.words.higher_is_better = values.higher_is_better;
    for (const auto& [cell, value] : values.cells) out.cells[cell].push_back(value.value);
  }
  const bool whole = std::all_of(out.cells.begin(), out.cells.end(),
                                 [&](const auto& cell) { return cell.second.size() == arms.size(); });
  if (out.missing.empty() && !whole) out.missing = "the arms have cells of different seeds or training tasks";
  return out;
}

/// The planned cells of an arm if the plan had this many seeds.
std::size_t planned_cells(const Quantity& quantity, const std::string& arm, Evidence& evidence, std::size_t seeds) {
  std::set<std::pair<std::int64_t, std::string>> trainings;
  for (const auto& cell : evidence.planned(quantity, arm)) trainings.insert({cell.base_model, cell.trained_on});
  return std::max<std::size_t>(1, trainings.size()) * seeds;
}

ClaimOutlook hopeless_below(double least_p, std::size_t cells, double alpha) {
  ClaimOutlook outlook;
  outlook.detectable = std::nan("");
  outlook.text = fmt::format("{} cells an arm; the smallest p that such ranks can give is {:.2g}", cells, least_p);
  if (least_p >= alpha) outlook.hopeless = outlook.text;
  return outlook;
}

struct FriedmanTest {
  Quantity quantity;
  std::vector<std::string> arms;
};

ClaimFinding judge_friedman(const FriedmanTest& test, Evidence& evidence, const JudgeSettings& settings) {
  ClaimFinding finding;
  const auto values = cell_values(test.quantity, test.arms, evidence);
  finding.cells = values.cells.size();
  finding.missing = values.missing;
  finding.estimate.mean = finding.detectable = std::nan("");
  finding.estimate.interval = {std::nan(""), std::nan("")};
  if (!finding.missing.empty()) return finding;
  std::vector<std::vector<double>> blocks;
  for (const auto& [cell, row] : values.cells) blocks.push_back(row);
  const auto found = friedman(blocks);
  finding.p_value = found.p_value;
  finding.found =
      fmt::format("Friedman's statistic {:.3g}, p {:.2g} ({}), mean ranks from the lowest: ", found.statistic,
                  found.p_value, found.exact ? "exact" : "chi-square");
  for (std::size_t at = 0; at < test.arms.size(); ++at) {
    finding.found += fmt::format("{}{} {:.2f}", at == 0 ? "" : ", ", test.arms[at], found.mean_ranks[at]);
  }
  finding.verdict = verdict_of(finding, settings.alpha, false);
  return finding;
}

Claim friedman_claim(Options& options) {
  FriedmanTest test;
  test.arms = read_arms(options, "arms", "methods of the plan", 3);
  test.quantity = read_quantity(options);
  options.text("expect", "what the ranks should do", {.choices = {"differ"}});
  Claim claim;
  claim.methods = test.arms;
  claim.expected = "ranks that differ";
  claim.compared = compared_arms(test.quantity, test.arms);
  claim.quantities = {test.quantity};
  claim.judge = [test](Evidence& evidence, const JudgeSettings& settings) {
    auto finding = judge_friedman(test, evidence, settings);
    finding.expected = "ranks that differ";
    return finding;
  };
  claim.outlook = [test](Evidence& evidence, const SeedLook& look) {
    const auto blocks = planned_cells(test.quantity, test.arms.front(), evidence, look.seeds);
    return hopeless_below(least_friedman_p(blocks, test.arms.size()), blocks, look.alpha);
  };
  return claim;
}

struct MannWhitneyTest {
  Quantity quantity;
  std::vector<std::string> arms;  ///< first the group that the claim is about
  std::size_t first = 0;          ///< how many of them it has
  Expectation expectation;
};

ClaimFinding judge_mann_whitney(const MannWhitneyTest& test, Evidence& evidence, const JudgeSettings& settings) {
  ClaimFinding finding;
  const auto values = cell_values(test.quantity, test.arms, evidence);
  finding.cells = values.cells.size();
  finding.missing = values.missing;
  finding.expected = test.expectation.text(values.words);
  finding.detectable = std::nan("");
  if (!finding.missing.empty()) return finding;
  const auto mine = values.of(0, test.first);
  const auto theirs = values.of(test.first, test.arms.size());
  const auto found = mann_whitney(mine, theirs, settings.alpha);
  finding.estimate.mean = found.shift;
  finding.estimate.interval = found.interval;
  finding.estimate.p_value = found.p_value;
  const auto range = test.expectation.range(values.words);
  const bool with_bound = test.expectation.holds_at_bound();
  // Of lying outside of either bound, and inside of both.
  double p = 0.0;
  double against = 1.0;
  if (std::isfinite(range.low)) {
    p = std::max(p, p_shift_above(mine, theirs, range.low, with_bound));
    against = std::min(against, p_shift_above(theirs, mine, -range.low));
  }
  if (std::isfinite(range.high)) {
    p = std::max(p, p_shift_above(theirs, mine, -range.high, with_bound));
    against = std::min(against, p_shift_above(mine, theirs, range.high));
  }
  finding.p_value = std::min(1.0, 2.0 * p);
  finding.p_against = against;
  const bool finite = std::isfinite(found.interval.low);
  const auto shift = finite ? values.words.with_interval(found.shift, found.interval)
                            : values.words.difference(found.shift) + " [no bounds from so few cells]";
  finding.found = fmt::format("{} (Hodges and Lehmann's shift; U {:g}, p {:.2g}, {})", shift, found.u, found.p_value,
                              found.exact ? "exact" : "normal");
  finding.verdict =
      verdict_of(finding, settings.alpha, without_direction(found.interval, test.expectation, values.words));
  return finding;
}

/// A method, or a list of them.
std::vector<std::string> read_group(Options& options, const std::string& key) {
  const auto* found = options.any(key, "a method of the plan, or a list of them", true);
  if (found->is_string()) return {found->get<std::string>()};
  return read_arms(options, key, "methods of the plan", 1);
}

Claim mann_whitney_claim(Options& options) {
  MannWhitneyTest test;
  test.arms = read_group(options, "arm");
  test.first = test.arms.size();
  const auto others = read_group(options, "against");
  const auto text = join(test.arms, " and ") + " - " + join(others, " and ");
  for (const auto& other : others) {
    require(std::find(test.arms.begin(), test.arms.end(), other) == test.arms.end(), Fault::config,
            [&] { return options.where() + ": '" + other + "' stands in 'arm' and in 'against'"; });
    test.arms.push_back(other);
  }
  test.quantity = read_quantity(options);
  test.expectation = read_expectation(options);
  Claim claim;
  claim.methods = test.arms;
  claim.quantities = {test.quantity};
  claim.compared = quantity_text(test.quantity) + ", " + text + trained_text(test.quantity);
  claim.expected = test.expectation.text({test.quantity});
  claim.judge = [test](Evidence& evidence, const JudgeSettings& settings) {
    return judge_mann_whitney(test, evidence, settings);
  };
  claim.outlook = [test](Evidence& evidence, const SeedLook& look) {
    const auto cells = planned_cells(test.quantity, test.arms.front(), evidence, look.seeds);
    const auto others_count = test.arms.size() - test.first;
    return hopeless_below(least_mann_whitney_p(cells * test.first, cells * others_count), cells, look.alpha);
  };
  return claim;
}

}  // namespace

Claim read_rank_test(Options& options) {
  const auto test = options.text("test", "which test", {.choices = {"friedman", "mann_whitney"}});
  return test == "friedman" ? friedman_claim(options) : mann_whitney_claim(options);
}

}  // namespace touchstone
