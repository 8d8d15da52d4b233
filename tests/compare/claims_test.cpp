// The kinds of claims on cells whose numbers are known. Simulated levels and power are in claims_simulated_test.cpp.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "harness/base/error.hpp"
#include "tests/compare/made_cells.hpp"

namespace touchstone {
namespace {

using namespace touchstone::testing;  // NOLINT(google-build-using-namespace): the builders of made cells
using ::testing::HasSubstr;
using Of = Quantity::Of;

constexpr std::uint64_t seeds = 4;

/// Each arm at its value, each seed a little off it, the more the later: 0, 0.1, 0.2, 0.3 points.
MadeCells arms_at(const std::vector<std::pair<std::string, double>>& points, Of of = Of::score) {
  MadeCells cells;
  for (std::size_t arm = 0; arm < points.size(); ++arm) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      // Arms order the seeds differently, so that their differences vary.
      const double off = static_cast<double>((seed * (arm + 1)) % (seeds + 1)) / 1000.0;
      const double scale = of == Of::logged ? 1.0 : 100.0;
      cells.set(of, points[arm].first, seed, points[arm].second / scale + off);
    }
  }
  return cells;
}

std::string refusal(const std::string& keys) {
  try {
    claim_of(keys);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::config);
    return error.what();
  }
  return "";
}

// The difference of one arm and the mean of two, of which each seed's value is known.
TEST(Claims, AContrastWeighsArms) {
  const auto cells = arms_at({{"a", 10}, {"b", 4}, {"c", 6}});
  const auto found = judged(cells, R"("weights": {"a": 1, "b": -0.5, "c": -0.5}, "of": "score", "expect": "higher")");
  double mean = 0.0;
  std::vector<double> values;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const auto off = [&](std::uint64_t arm) { return static_cast<double>((seed * arm) % 5) / 1000.0; };
    values.push_back(0.05 + off(1) - 0.5 * off(2) - 0.5 * off(3));
    mean += values.back() / seeds;
  }
  EXPECT_NEAR(found.estimate.mean, mean, 1e-12);
  EXPECT_NEAR(found.estimate.between_sd, mean_error(values).stderror * 2.0, 1e-12);
  EXPECT_EQ(found.cells, seeds);
  EXPECT_EQ(found.verdict, ClaimVerdict::reproduced);
  EXPECT_EQ(claim_of(R"("weights": {"b": -0.5, "a": 1, "c": -0.5}, "of": "score", "expect": "higher")").compared,
            "score on the training task, a - 0.5 b - 0.5 c");
  const auto plain = judged(cells, R"("arm": "a", "against": "b", "of": "score", "expect": "higher")");
  const auto weighed = judged(cells, R"("weights": {"a": 1, "b": -1}, "of": "score", "expect": "higher")");
  EXPECT_EQ(plain.found, weighed.found);
}

// The seeds' error of a difference of two arms is that of all three arms about their cells' means, whichever is
// compared with which; a fourth arm that lacks a seed is left out of it.
TEST(Claims, TheSeedsVarianceIsPooledOverTheArms) {
  auto cells = arms_at({{"a", 10}, {"b", 4}, {"c", 6}});
  cells.set(Of::score, "d", 1, 0.5);
  std::vector<double> squares;
  for (std::uint64_t arm = 1; arm <= 3; ++arm) {
    std::vector<double> distances;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      const auto off = [&](std::uint64_t other) { return static_cast<double>((seed * other) % 5) / 1000.0; };
      distances.push_back(off(arm) - (off(1) + off(2) + off(3)) / 3.0);
    }
    squares.push_back(std::pow(mean_error(distances).stderror, 2) * seeds * (seeds - 1));
  }
  const double of_one_arm = (squares[0] + squares[1] + squares[2]) / (2.0 * (seeds - 1));
  for (const auto* keys : {R"("arm": "a", "against": "b", "of": "score", "expect": "higher")",
                           R"("arm": "b", "against": "c", "of": "score", "expect": "higher")"}) {
    const auto found = judged(cells, keys);
    EXPECT_NEAR(std::pow(found.estimate.stderror, 2), 2.0 * of_one_arm / seeds, 1e-12) << keys;
    EXPECT_NEAR(found.estimate.degrees, 2.0 * (seeds - 1), 1e-9) << keys;
  }
}

TEST(Claims, AContrastMayWeighTheBaseModel) {
  const auto cells = arms_at({{"a", 10}, {"b", 4}});
  const auto found = judged(cells, R"("weights": {"a": 0.5, "b": 0.5, "base": -1}, "of": "score", "expect": "higher")");
  EXPECT_NEAR(found.estimate.mean, 0.07 + 0.0025, 1e-12);  // offsets 1..4 of 0.001, twice, halved
}

TEST(Claims, TheLevelOfIntervalsIsASetting) {
  const auto cells = arms_at({{"a", 10}, {"b", 9.9}});
  const auto keys = R"("arm": "a", "against": "b", "of": "score", "expect": "higher")";
  const auto wide = judged(cells, keys, {.alpha = 0.001}).estimate.interval;
  const auto narrow = judged(cells, keys, {.alpha = 0.2}).estimate.interval;
  EXPECT_LT(wide.low, narrow.low - 1e-4);
  EXPECT_GT(wide.high, narrow.high + 1e-4);
}

TEST(Claims, MetricsOfWhichLessIsBetterAreToldInWords) {
  auto cells = arms_at({{"a", 17.9}, {"b", 0.0}, {"c", 30.0}});
  cells.higher_is_better = false;
  const auto found = judged(cells, R"("arm": "a", "against": "b", "of": "score", "expect": "higher", "margin": 2)");
  EXPECT_EQ(found.verdict, ClaimVerdict::reproduced);
  EXPECT_EQ(found.expected, "lower, by more than 2 points");
  EXPECT_THAT(found.found, HasSubstr("17.9 points lower ["));
  EXPECT_THAT(found.found, HasSubstr(" lower] (lower is better)"));
  const auto order = judged(cells, R"("kind": "monotone", "arms": ["b", "a", "c"], "of": "score", "expect": "rises")");
  EXPECT_EQ(order.expected, "falls");
  EXPECT_THAT(order.found, HasSubstr("30.0 points lower ["));
  EXPECT_EQ(judged(cells, R"("kind": "interior_maximum", "arms": ["b", "c", "a"], "of": "score")").expected,
            "the lowest strictly inside");
}

TEST(Claims, AnInteriorMaximumBeatsBothEnds) {
  const auto keys = R"("kind": "interior_maximum", "arms": ["s0", "s1", "s2", "s3"], "positions": [0, 0.1, 0.5, 1],
                       "of": "score")";
  const auto inside = judged(arms_at({{"s0", 5}, {"s1", 9}, {"s2", 7}, {"s3", 6}}), keys);
  EXPECT_EQ(inside.verdict, ClaimVerdict::reproduced);
  EXPECT_THAT(inside.found, HasSubstr("s1 (0.1): +4."));
  EXPECT_THAT(inside.found, HasSubstr("against s0, +3."));
  EXPECT_THAT(inside.found, HasSubstr("(intervals of 97.5 %, for 2 arms inside)"));
  EXPECT_NEAR(inside.estimate.mean, 0.03, 0.002);  // against the end that is closer
  const auto rising = judged(arms_at({{"s0", 5}, {"s1", 6}, {"s2", 7}, {"s3", 12}}), keys);
  EXPECT_EQ(rising.verdict, ClaimVerdict::contradicted);
  const auto flat = judged(arms_at({{"s0", 5}, {"s1", 5}, {"s2", 5}, {"s3", 5}}), keys);
  EXPECT_EQ(flat.verdict, ClaimVerdict::no_difference);
  const auto least = judged(arms_at({{"s0", 5}, {"s1", 2}, {"s2", 7}, {"s3", 6}}, Of::drop),
                            R"("kind": "interior_maximum", "arms": ["s0", "s1", "s2", "s3"], "of": "drop")");
  EXPECT_EQ(least.verdict, ClaimVerdict::reproduced);
  EXPECT_EQ(least.expected, "the lowest strictly inside");
  EXPECT_THAT(least.found, HasSubstr("s1: -3."));
  EXPECT_NEAR(least.estimate.mean, -0.03, 0.002);
  EXPECT_LT(least.estimate.interval.low, least.estimate.mean);
  EXPECT_LT(least.estimate.mean, least.estimate.interval.high);
  EXPECT_LT(least.estimate.interval.high, 0.0);
}

// Each share of the rise from 4 to 7 along the line: weights -0.5, 0, 0.5 over the range of 2 give 1.5 points a step.
TEST(Claims, AMonotoneOrderIsTheRiseOfALine) {
  const auto keys = R"("kind": "monotone", "arms": ["k1", "k4", "k8"], "of": "score", "expect": "rises")";
  const auto rises = judged(arms_at({{"k1", 4}, {"k4", 6}, {"k8", 7}}), keys);
  EXPECT_EQ(rises.verdict, ClaimVerdict::reproduced);
  EXPECT_NEAR(rises.estimate.mean, 0.03, 0.002);
  EXPECT_THAT(rises.found, HasSubstr("from first to last along the fitted line"));
  // With positions: the line through (1, 4), (4, 6), (8, 7) rises by 7 * cov / var = 7 * 31/74 points.
  const auto placed = judged(arms_at({{"k1", 4}, {"k4", 6}, {"k8", 7}}),
                             R"("kind": "monotone", "arms": ["k1", "k4", "k8"], "positions": [1, 4, 8], "of": "score",
                                "expect": "rises")");
  const double slope = (4.0 * (1 - 13.0 / 3) + 6.0 * (4 - 13.0 / 3) + 7.0 * (8 - 13.0 / 3)) /
                       (std::pow(1 - 13.0 / 3, 2) + std::pow(4 - 13.0 / 3, 2) + std::pow(8 - 13.0 / 3, 2));
  EXPECT_NEAR(placed.estimate.mean, 7.0 * slope / 100.0, 0.002);
  EXPECT_EQ(judged(arms_at({{"k1", 7}, {"k4", 6}, {"k8", 4}}), keys).verdict, ClaimVerdict::contradicted);
  // The trend rises, but the last step is shown to fall.
  const auto back = judged(arms_at({{"k1", 4}, {"k4", 9}, {"k8", 7}}), keys);
  EXPECT_EQ(back.verdict, ClaimVerdict::contradicted);
  EXPECT_THAT(back.found, HasSubstr(", but k8 against k4: -"));
}

// A falling trend and a falling step both contradict a rise, so each has half of the level that a contrast has alone.
// Of three arms the trend is the last less the first; no step falls further beyond its error.
TEST(Claims, AMonotoneOrderIsContradictedAtTheLevelOfAContrast) {
  const auto cells = arms_at({{"k1", 5.2}, {"k4", 5.1}, {"k8", 5.0}});
  const auto contrast_keys = R"("arm": "k8", "against": "k1", "of": "score", "expect": "higher")";
  const double p_trend = judged(cells, contrast_keys).p_against;
  const JudgeSettings settings{.alpha = 3.0 * p_trend};
  EXPECT_EQ(judged(cells, contrast_keys, settings).verdict, ClaimVerdict::contradicted);
  const auto order =
      judged(cells, R"("kind": "monotone", "arms": ["k1", "k4", "k8"], "of": "score", "expect": "rises")", settings);
  EXPECT_NEAR(order.p_against, 2.0 * p_trend, 1e-12);
  EXPECT_EQ(order.verdict, ClaimVerdict::no_difference);
}

TEST(Claims, RankTestsOverCells) {
  const auto cells = arms_at({{"a", 10}, {"b", 4}, {"c", 6}});
  const auto differ = judged(cells, R"("kind": "rank", "test": "friedman", "arms": ["a", "b", "c"], "of": "score",
                                       "expect": "differ")");
  // Four blocks in the same order: (3!)^-3.
  EXPECT_NEAR(differ.p_value, 1.0 / 216.0, 1e-12);
  EXPECT_EQ(differ.verdict, ClaimVerdict::reproduced);
  EXPECT_THAT(differ.found, HasSubstr("(exact), mean ranks from the lowest: a 3.00, b 1.00, c 2.00"));
  const auto above = judged(cells, R"("kind": "rank", "test": "mann_whitney", "arm": "a", "against": ["b", "c"],
                                      "of": "score", "expect": "higher")");
  EXPECT_EQ(above.verdict, ClaimVerdict::reproduced);
  EXPECT_NEAR(above.p_value, 2.0 / 495.0, 1e-12);  // of 12 values, the four highest
  EXPECT_THAT(above.found, HasSubstr("Hodges and Lehmann's shift; U 32"));
  EXPECT_EQ(judged(cells, R"("kind": "rank", "test": "mann_whitney", "arm": "b", "against": "a", "of": "score",
                             "expect": "higher")")
                .verdict,
            ClaimVerdict::contradicted);
}

// U is 2 of 16, p 0.11: ties with the bound are no evidence, though the interval ends on it.
TEST(Claims, TiesDoNotContradictARankTest) {
  MadeCells cells;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    cells.set(Of::score, "a", seed, 0.50);
    cells.set(Of::score, "b", seed, 0.49 + 0.01 * static_cast<double>(seed));
  }
  const std::string keys = R"("kind": "rank", "test": "mann_whitney", "arm": "a", "against": "b", "of": "score", )";
  const auto found = judged(cells, keys + R"("expect": "higher")");
  EXPECT_EQ(found.estimate.interval.high, 0.0);
  EXPECT_NEAR(found.p_against, 12.0 / 70.0, 1e-12);
  EXPECT_EQ(found.verdict, ClaimVerdict::not_shown);
}

// What is equal in every seed is not higher and not lower, with a margin of 0 or without, and no direction either.
TEST(Claims, EqualValuesAreNotLowerAndNotHigher) {
  MadeCells cells;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    for (const auto* arm : {"a", "b"}) cells.set(Of::logged, arm, seed, 0.1);
    for (const auto* arm : {"a", "b"}) cells.set(Of::score, arm, seed, 0.1);
  }
  const std::string contrast = R"("arm": "a", "against": "b", "of": "logged", "key": "a.b", "expect": )";
  const std::string rank =
      R"("kind": "rank", "test": "mann_whitney", "arm": "a", "against": "b", "of": "score", "expect": )";
  for (const auto& keys : {contrast, rank}) {
    for (const auto* expected : {R"("not_lower")", R"("not_higher")"}) {
      EXPECT_EQ(judged(cells, keys + expected).verdict, ClaimVerdict::reproduced) << keys << expected;
    }
    EXPECT_EQ(judged(cells, keys + R"("same", "margin": 1)").verdict, ClaimVerdict::reproduced) << keys;
  }
  EXPECT_EQ(judged(cells, contrast + R"("not_lower")").p_value, 0.0);
  EXPECT_EQ(judged(cells, contrast + R"("higher")").verdict, ClaimVerdict::not_shown);
  EXPECT_EQ(judged(cells, R"("arm": "a", "against": "b", "of": "score", "expect": "higher")").verdict,
            ClaimVerdict::no_difference);
}

TEST(Claims, ACorrelationOverCells) {
  MadeCells cells;
  for (std::uint64_t arm = 0; arm < 6; ++arm) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      const auto name = "arm" + std::to_string(arm);
      const auto level = static_cast<double>(arm);
      const auto off = static_cast<double>((seed * (arm + 1)) % 5) / 10.0;
      cells.set(Of::drop, name, seed, 0.01 * (level + off));
      cells.set(Of::logged, name, seed, -level * level + off);
    }
  }
  const auto found = judged(cells, R"("kind": "correlation", "x": {"of": "drop"}, "y": {"of": "logged", "key": "a.b"},
                                      "expect": "lower")");
  EXPECT_LT(found.estimate.mean, -0.9);
  EXPECT_EQ(found.cells, 24U);
  EXPECT_EQ(found.verdict, ClaimVerdict::reproduced);
  EXPECT_EQ(found.expected, "lower than 0");
  EXPECT_THAT(found.found, HasSubstr("Spearman's -0.9"));
  EXPECT_THAT(judged(cells, R"("kind": "correlation", "arms": ["arm0", "arm1", "arm2", "arm3"], "method": "pearson",
                               "x": {"of": "drop"}, "y": {"of": "logged", "key": "a.b"}, "expect": "higher")")
                  .found,
              HasSubstr("(4 arms, p 0.083 by their orders)"));
}

// The order of four arms falls out so in one of 24 cases: even a perfect one shows nothing, and the plan is told so
// before it runs. Five arms show it.
TEST(Claims, FewArmsShowNoCorrelation) {
  const auto line = [](std::uint64_t arms) {
    MadeCells cells;
    for (std::uint64_t arm = 0; arm < arms; ++arm) {
      cells.set(Of::drop, "arm" + std::to_string(arm), 1, 0.01 * static_cast<double>(arm));
      cells.set(Of::logged, "arm" + std::to_string(arm), 1, static_cast<double>(arm * arm));
    }
    return cells;
  };
  const std::string keys = R"("kind": "correlation", "x": {"of": "drop"}, "y": {"of": "logged", "key": "a.b"}, )";
  const auto four = judged(line(4), keys + R"("expect": "higher")");
  EXPECT_EQ(four.verdict, ClaimVerdict::not_shown);
  EXPECT_NEAR(four.p_value, 2.0 / 24.0, 1e-12);
  EXPECT_EQ(judged(line(4), keys + R"("expect": "lower")").verdict, ClaimVerdict::not_shown);
  EXPECT_EQ(judged(line(5), keys + R"("expect": "higher")").verdict, ClaimVerdict::reproduced);
  EXPECT_EQ(judged(line(5), keys + R"("expect": "lower")").verdict, ClaimVerdict::contradicted);
  const auto hopeless = [&](std::uint64_t arms, double alpha) {
    const auto cells = line(arms);
    Evidence evidence(cells.source());
    return claim_of(keys + R"("expect": "higher")").outlook(evidence, {1, alpha}).hopeless;
  };
  EXPECT_EQ(hopeless(4, 0.05), "4 arms; the smallest p that their orders can give is 0.083");
  EXPECT_EQ(hopeless(5, 0.05), "");
  EXPECT_NE(hopeless(5, 0.01), "");
}

// A value that no cell changes correlates with nothing: that is no "not lower".
TEST(Claims, AConstantHasNoCorrelation) {
  MadeCells cells;
  for (std::uint64_t arm = 0; arm < 6; ++arm) {
    cells.set(Of::drop, "arm" + std::to_string(arm), 1, 0.01 * static_cast<double>(arm));
    cells.set(Of::logged, "arm" + std::to_string(arm), 1, 3.0);
  }
  const auto found = judged(cells, R"("kind": "correlation", "x": {"of": "drop"}, "y": {"of": "logged", "key": "a.b"},
                                      "expect": "not_lower", "margin": 0.5)");
  EXPECT_EQ(found.verdict, ClaimVerdict::unmeasured);
  EXPECT_EQ(found.missing, "a.b is the same in every cell");
}

/// Two methods at three rates: gains of 5, 10 and 20 points; the second loses 1, 3 and 9 points, the first `better`
/// less.
MadeCells two_curves(double better) {
  MadeCells cells;
  const std::vector<double> gains = {0.05, 0.10, 0.20};
  const std::vector<double> drops = {0.01, 0.03, 0.09};
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    for (std::size_t rate = 0; rate < gains.size(); ++rate) {
      const double off = static_cast<double>((seed * (rate + 1)) % 5) / 1000.0;
      for (const auto& [name, less] : {std::pair{"m", better}, std::pair{"n", 0.0}}) {
        const auto arm = name + std::to_string(rate + 1);
        cells.set(Of::gain, arm, seed, gains[rate]);
        cells.set(Of::drop, arm, seed, drops[rate] - less + (less > 0.0 ? off : 0.004 - off));
      }
    }
  }
  return cells;
}

constexpr const char* curves = R"("kind": "matched_gain", "arm": ["m1", "m2", "m3"], "against": ["n1", "n2", "n3"], )";

TEST(Claims, CurvesAreComparedAtEqualGain) {
  const auto keys = std::string(curves) + R"("gain": 15, "expect": "lower")";
  const auto found = judged(two_curves(0.02), keys);
  // Halfway between the second and the third rate, in both; offsets differ by 2 * mean(off) - 0.004.
  double offs = 0.0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    for (const std::uint64_t rate : {2U, 3U}) offs += 0.5 * static_cast<double>((seed * rate) % 5) / 1000.0 / seeds;
  }
  EXPECT_NEAR(found.estimate.mean, -0.02 + 2.0 * offs - 0.004, 1e-12);
  EXPECT_EQ(found.verdict, ClaimVerdict::reproduced);
  EXPECT_THAT(found.found, HasSubstr("at a gain of 15.0 points"));
  const auto most = judged(two_curves(0.02), std::string(curves) + R"("expect": "lower")");
  EXPECT_THAT(most.found, HasSubstr("at a gain of 20.0 points"));
}

TEST(Claims, AGainThatRatesDoNotBracketIsNotMeasured) {
  const auto found = judged(two_curves(0.02), std::string(curves) + R"("gain": 30, "expect": "lower")");
  EXPECT_EQ(found.verdict, ClaimVerdict::unmeasured);
  EXPECT_EQ(found.missing,
            "m1 to m3, seed 1: neighbouring rates do not bracket a gain of 30.0 points (theirs: 5.0 10.0 20.0)");
}

TEST(Claims, HalfAPlanProvesNothing) {
  auto cells = arms_at({{"a", 10}, {"b", 4}, {"c", 6}});
  cells.plan("c", 9);
  for (const auto* keys :
       {R"("weights": {"a": 1, "b": -0.5, "c": -0.5}, "of": "score", "expect": "higher")",
        R"("kind": "interior_maximum", "arms": ["a", "c", "b"], "of": "score")",
        R"("kind": "monotone", "arms": ["a", "b", "c"], "of": "score", "expect": "rises")",
        R"("kind": "rank", "test": "friedman", "arms": ["a", "b", "c"], "of": "score", "expect": "differ")",
        R"("kind": "rank", "test": "mann_whitney", "arm": "a", "against": "c", "of": "score", "expect": "higher")"}) {
    const auto found = judged(cells, keys);
    EXPECT_EQ(found.verdict, ClaimVerdict::unmeasured) << keys;
    EXPECT_THAT(found.missing, HasSubstr("4 of 5 cells of c")) << keys;
  }
}

// Whatever fails for lack of cells says so before it runs.
TEST(Claims, TooFewCellsAreToldBeforeAPlanRuns) {
  MadeCells cells;
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    for (const auto* arm : {"a", "b", "c"}) cells.set(Of::score, arm, seed, 0.0);
  }
  Evidence evidence(cells.source());
  const auto friedman = claim_of(R"("kind": "rank", "test": "friedman", "arms": ["a", "b", "c"], "of": "score",
                                    "expect": "differ")");
  EXPECT_THAT(friedman.outlook(evidence, {2, 0.05}).hopeless,
              HasSubstr("the smallest p that such ranks can give is 0.17"));
  EXPECT_EQ(friedman.outlook(evidence, {3, 0.05}).hopeless, "");
  const auto pair = claim_of(R"("kind": "rank", "test": "mann_whitney", "arm": "a", "against": "b", "of": "score",
                                "expect": "higher")");
  EXPECT_NE(pair.outlook(evidence, {3, 0.05}).hopeless, "");
  EXPECT_EQ(pair.outlook(evidence, {4, 0.05}).hopeless, "");
}

TEST(Claims, AMarginMustExceedWhatCanBeSeen) {
  Resampler random(7);
  MadeCells cells;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    for (const auto* arm : {"a", "b"}) {
      std::vector<double> items;
      for (int at = 0; at < 200; ++at) items.push_back(random.below(2));
      cells.set(Of::score, arm, seed, items);
    }
  }
  Evidence evidence(cells.source());
  const auto outlook = [&](const std::string& expect) {
    return claim_of(R"("arm": "a", "against": "b", "of": "score", )" + expect).outlook(evidence, {3, 0.05});
  };
  // Some 50 % of 200 items change, in each of three seeds: 0.5 / 600 is the variance, and 8 points are seen.
  const auto narrow = outlook(R"("expect": "not_lower", "margin": 3)");
  EXPECT_THAT(narrow.hopeless, HasSubstr("its margin of 3.0 points is not above "));
  EXPECT_GT(narrow.detectable, 0.05);
  EXPECT_EQ(outlook(R"("expect": "not_lower", "margin": 30)").hopeless, "");
  EXPECT_NE(outlook(R"("expect": "same", "margin": 3)").hopeless, "");
  EXPECT_EQ(outlook(R"("expect": "higher")").hopeless, "");
  // With a hundred seeds three points are seen.
  EXPECT_EQ(claim_of(R"("arm": "a", "against": "b", "of": "score", "expect": "not_lower", "margin": 3)")
                .outlook(evidence, {100, 0.05})
                .hopeless,
            "");
  // Both bounds of equality must be shown, each with 90 % power: 3.24 errors in place of 2.80.
  const auto at_most = [&](const std::string& expect) {
    return claim_of(R"("arm": "a", "against": "b", "of": "score", "margin": 3, "expect": )" + expect)
        .outlook(evidence, {100, 0.05})
        .detectable;
  };
  EXPECT_NEAR(at_most(R"("same")") / at_most(R"("not_lower")"), 3.2415 / 2.8016, 0.003);
}

TEST(Claims, OneIsTheMainOne) {
  const auto claims = [](const std::string& one, const std::string& two) {
    const std::string rest = R"("text": "t", "arm": "a", "against": "b", "of": "drop", "expect": "lower")";
    return read_claims(parse_json(R"({"claims": [{)" + one + rest + "}, {" + two + rest + "}]}", "p"), "p");
  };
  EXPECT_NO_THROW(require_main(claims(R"("main": true, )", ""), "p"));
  EXPECT_THROW(require_main(claims("", ""), "p"), Error);
  EXPECT_THROW(claims(R"("main": true, )", R"("main": true, )"), Error);
  EXPECT_TRUE(claim_of(R"("arm": "a", "against": "b", "of": "drop", "expect": "lower")").main);
  EXPECT_NO_THROW(require_main({}, "p"));
}

TEST(Claims, WrongKeysAreRefused) {
  const auto expect_refusal = [](const std::string& keys, const std::string& said) {
    EXPECT_THAT(refusal(keys), ::testing::AllOf(HasSubstr("plan.json: claims 0"), HasSubstr(said))) << keys;
    EXPECT_EQ(refusal(keys).find('\n'), std::string::npos) << keys;
  };
  const std::string score = R"(, "of": "score", "expect": "higher")";
  expect_refusal(R"("kind": "contrasts")", "key 'kind'");
  expect_refusal(R"("main": 1, "arm": "a")", "key 'main'");
  expect_refusal(R"("weights": {"a": 1, "b": -0.5})" + score, "found a sum of 0.5, expected 0");
  expect_refusal(R"("weights": {"a": 1})" + score, "at least two arms");
  expect_refusal(R"("weights": {"a": 1, "b": "x"})" + score, "at least two arms with numbers");
  expect_refusal(R"("weights": {"a": 1, "b": -1, "c": 0})" + score, "'c': found 0");
  expect_refusal(R"("weights": {"a": 1, "b": -1}, "arm": "a")" + score, "unknown key 'arm'");
  expect_refusal(R"("weights": {"a": 1, "base": -1}, "of": "logged", "key": "a.b", "expect": "higher")",
                 "the base model logs nothing");
  const std::string interior = R"("kind": "interior_maximum", "of": "score", )";
  expect_refusal(interior + R"("arms": ["a", "b"])", "found 2 arms, expected at least 3");
  expect_refusal(interior + R"("arms": ["a", "b", "a"])", "'a' stands twice");
  expect_refusal(interior + R"("arms": ["a", "b", "c"], "positions": [1, 2])", "key 'positions'");
  expect_refusal(interior + R"("arms": ["a", "b", "c"], "positions": [1, 3, 2])", "3 rising numbers");
  expect_refusal(interior + R"("arms": ["a", "b", "c"], "positions": "x")", "3 rising numbers");
  expect_refusal(interior + R"("arms": ["a", "b", "c"], "best": "most")", "key 'best'");
  expect_refusal(interior + R"("arms": ["a", "b", "c"], "margin": -1)", "key 'margin'");
  expect_refusal(interior + R"("arms": ["a", "b", "c"], "expect": "higher")", "unknown key 'expect'");
  const std::string monotone = R"("kind": "monotone", "of": "score", "arms": ["a", "b", "c"])";
  expect_refusal(monotone + R"(, "expect": "higher")", "key 'expect'");
  expect_refusal(monotone + R"(, "expect": "rises", "margin": "x")", "key 'margin'");
  const std::string rank = R"("kind": "rank", "of": "score", )";
  expect_refusal(rank + R"("test": "sign")", "key 'test'");
  expect_refusal(rank + R"("test": "friedman", "arms": ["a", "b"], "expect": "differ")", "expected at least 3");
  expect_refusal(rank + R"("test": "friedman", "arms": ["a", "b", "base"], "expect": "differ")", "no cells");
  expect_refusal(rank + R"("test": "friedman", "arms": ["a", "b", "c"], "expect": "higher")", "key 'expect'");
  expect_refusal(rank + R"("test": "mann_whitney", "arm": ["a"], "against": "a", "expect": "higher")",
                 "'a' stands in 'arm' and in 'against'");
  expect_refusal(rank + R"("test": "mann_whitney", "arm": 3, "against": "a", "expect": "higher")", "key 'arm'");
  const std::string axes = R"("kind": "correlation", "x": {"of": "drop"}, "y": {"of": "gap"}, )";
  expect_refusal(axes + R"("expect": "higher", "margin": 1)", "a correlation lies below 1");
  expect_refusal(axes + R"("expect": "higher", "method": "kendall")", "key 'method'");
  expect_refusal(axes + R"("expect": "higher", "arms": ["a", "b", "c"])", "expected at least 4");
  expect_refusal(R"("kind": "correlation", "x": {"of": "drops"}, "y": {"of": "gap"}, "expect": "higher")",
                 "x: key 'of'");
  expect_refusal(R"("kind": "correlation", "x": {"of": "drop", "ky": 1}, "y": {"of": "gap"}, "expect": "higher")",
                 "unknown key 'ky'");
  const std::string gain = R"("kind": "matched_gain", "expect": "lower", )";
  expect_refusal(gain + R"("arm": ["a"], "against": ["b", "c"])", "expected at least 2");
  expect_refusal(gain + R"("arm": ["a", "b"], "against": ["b", "c"])", "'b' stands in 'arm' and in 'against'");
  expect_refusal(gain + R"("arm": ["a", "base"], "against": ["b", "c"])", "no cells");
  expect_refusal(gain + R"("arm": ["a", "d"], "against": ["b", "c"], "gain": -3)", "key 'gain'");
  expect_refusal(gain + R"("arm": ["a", "d"], "against": ["b", "c"], "of": "logged", "key": "a.b")",
                 "expected drop, score or gap");
}

}  // namespace
}  // namespace touchstone
