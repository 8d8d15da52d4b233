#include "harness/measure/statistics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "harness/base/error.hpp"

namespace touchstone {
namespace {

std::vector<double> ones_of(int ones, int all) {
  std::vector<double> values(static_cast<std::size_t>(all), 0.0);
  std::fill_n(values.begin(), ones, 1.0);
  return values;
}

// The wanted values are those of the reference's own formula in CPython 3.11, whose sum() adds from left to right; the
// last digits depend on the order of the items.
TEST(MeanErrorTest, AgreesWithTheReferenceToTheLastDigit) {
  const auto small = mean_error(std::vector<double>{1, 0, 1, 1});
  EXPECT_EQ(small.mean, 0.75);
  EXPECT_EQ(small.stderror, 0.25);
  auto sixty = ones_of(60, 100);
  EXPECT_EQ(mean_error(sixty).stderror, 0.04923659639173308);
  std::reverse(sixty.begin(), sixty.end());
  EXPECT_EQ(mean_error(sixty).stderror, 0.0492365963917331);
  EXPECT_EQ(mean_error(ones_of(280, 400)).stderror, 0.02294157338705616);
  EXPECT_TRUE(std::isnan(mean_error(std::vector<double>{1}).stderror));
  EXPECT_EQ(mean_error(std::vector<double>{0.1, 0.1, 0.1}).stderror, 0.0);
}

TEST(PooledErrorTest, AgreesWithTheReferenceToTheLastDigit) {
  const std::vector<double> errors{0.0492365963917331, 0.02294157338705618};
  EXPECT_EQ(pooled_error(errors, std::vector<std::int64_t>{100, 400}), 0.0208263040350187);
}

// Newcombe, Statistics in Medicine 17 (1998), 857, table I, method 3.
TEST(WilsonTest, AgreesWithPublishedIntervals) {
  EXPECT_NEAR(wilson(81, 263).low, 0.2553, 5e-5);
  EXPECT_NEAR(wilson(81, 263).high, 0.3662, 5e-5);
  EXPECT_NEAR(wilson(15, 148).low, 0.0624, 5e-5);
  EXPECT_NEAR(wilson(15, 148).high, 0.1605, 5e-5);
  EXPECT_EQ(wilson(0, 20).low, 0.0);
  EXPECT_NEAR(wilson(0, 20).high, 0.1611, 5e-5);
  EXPECT_NEAR(wilson(29, 29).low, 0.8830, 5e-5);
  EXPECT_EQ(wilson(29, 29).high, 1.0);
}

TEST(NormalTest, QuantilesAreExact) {
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-14);
  EXPECT_NEAR(normal_quantile(0.05), -1.6448536269514722, 1e-14);
  EXPECT_NEAR(normal_quantile(1e-10), -6.361340902404056, 1e-12);
  EXPECT_EQ(normal_quantile(0.5), 0.0);
  EXPECT_NEAR(normal_cdf(1.0), 0.8413447460685429, 1e-15);
}

// Tables of Student's t. With 1 degree it is Cauchy's: cdf(1) = 3/4; with 2, cdf(t) = 1/2 + t / (2 sqrt(2 + t^2)).
TEST(StudentTTest, AgreesWithTablesAndClosedForms) {
  EXPECT_NEAR(student_t_quantile(0.975, 1), 12.706204736174694, 1e-9);
  EXPECT_NEAR(student_t_quantile(0.975, 2), 4.302652729749462, 1e-11);
  EXPECT_NEAR(student_t_quantile(0.975, 10), 2.2281388519862735, 1e-12);
  EXPECT_NEAR(student_t_quantile(0.975, 29), 2.045229642132703, 1e-12);
  EXPECT_NEAR(student_t_cdf(1.0, 1), 0.75, 1e-15);
  EXPECT_NEAR(student_t_cdf(-3.0, 2), 0.5 - 3.0 / (2.0 * std::sqrt(11.0)), 1e-15);
  EXPECT_NEAR(student_t_cdf(1.3, 1e7), normal_cdf(1.3), 1e-7);
}

struct Known {
  double at;
  double degrees;
  double value;
};

// Computed with mpmath at 40 digits (regularised incomplete beta, complementary error function).
TEST(DistributionsTest, AgreeWithFortyDigits) {
  const auto near = [](double found, double wanted, double at, double degrees) {
    EXPECT_NEAR(found, wanted, 1e-10 * std::max(1e-3, std::fabs(wanted))) << at << " with " << degrees << " degrees";
  };
  for (const auto& [t, degrees, p] : std::vector<Known>{{-0.5, 1, 0.35241638234956673},
                                                        {2.5, 2, 0.9351941398892446},
                                                        {-1.96, 3.7, 0.063641520629765028},
                                                        {4, 5, 0.99483829225958427},
                                                        {-8, 7.25, 3.7696320752830654e-5},
                                                        {0.1, 12, 0.53900221477158707},
                                                        {-3, 29, 0.0027495960669517031},
                                                        {2, 63.5, 0.97510922066037128},
                                                        {-40, 4, 1.1670081613006343e-6},
                                                        {-2.5, 1000, 0.0062892839005453984}}) {
    near(student_t_cdf(t, degrees), p, t, degrees);
  }
  for (const auto& [p, degrees, t] : std::vector<Known>{{0.975, 1, 12.706204736174693},
                                                        {0.975, 2.6, 3.4781824106911297},
                                                        {0.995, 4, 4.604094871349992},
                                                        {0.05, 7.25, -1.8847957180841039},
                                                        {0.001, 9, -4.2968056627299185},
                                                        {0.8, 15.5, 0.86542988288289467},
                                                        {0.975, 29, 2.0452296421327039},
                                                        {0.9, 120.3, 1.2886284418526035},
                                                        {1e-6, 6, -17.830314500655492}}) {
    near(student_t_quantile(p, degrees), t, p, degrees);
  }
  for (const auto& [z, none, p] : std::vector<Known>{{-5.5, 0, 1.8989562465887719e-8},
                                                     {-0.3, 0, 0.38208857781104737},
                                                     {1.2, 0, 0.88493032977829172},
                                                     {6, 0, 0.99999999901341235}}) {
    near(normal_cdf(z), p, z, none);
  }
  for (const auto& [p, none, z] : std::vector<Known>{{1e-12, 0, -7.0344838253011319},
                                                     {0.0013, 0, -3.011453758499784},
                                                     {0.2, 0, -0.84162123357291417},
                                                     {0.6, 0, 0.25334710313579974},
                                                     {0.99999, 0, 4.2648907939238408}}) {
    near(normal_quantile(p), z, p, none);
  }
}

// Comparisons of nothing give nan and infinities; none of them may end the program.
TEST(DistributionsTest, WhatIsOutOfRangeIsNoError) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(normal_quantile(0.0), -infinity);
  EXPECT_EQ(normal_quantile(1.0), infinity);
  EXPECT_EQ(normal_cdf(infinity), 1.0);
  EXPECT_EQ(student_t_cdf(-infinity, 3), 0.0);
  EXPECT_EQ(student_t_cdf(infinity, 3), 1.0);
  EXPECT_EQ(student_t_quantile(0.0, 3), -infinity);
  EXPECT_EQ(student_t_quantile(1.0, 3), infinity);
  EXPECT_EQ(student_t_quantile(0.5, 3), 0.0);
  for (const double p : {-0.1, 1.5, nan}) {
    EXPECT_TRUE(std::isnan(normal_quantile(p))) << p;
    EXPECT_TRUE(std::isnan(student_t_quantile(p, 3))) << p;
  }
  EXPECT_TRUE(std::isnan(normal_cdf(nan)));
  EXPECT_TRUE(std::isnan(student_t_cdf(nan, 3)));
  EXPECT_TRUE(std::isnan(t_or_normal_cdf(nan, 3)));
}

// Mid-p: the exact test's p less the probability of what was observed. Exact 9 of 11: 0.0654296875; P(X = 2) = 55 /
// 2^11.
TEST(McNemarTest, ByHand) {
  EXPECT_EQ(mcnemar(9, 2), 0.0654296875 - 55.0 / 2048.0);
  EXPECT_EQ(mcnemar(2, 9), 0.0654296875 - 55.0 / 2048.0);
  EXPECT_EQ(mcnemar(0, 0), 1.0);
  EXPECT_EQ(mcnemar(3, 3), 1.0);
  EXPECT_EQ(mcnemar(1, 0), 0.5);
  EXPECT_EQ(mcnemar(0, 6), 0.015625);  // 1 / 2^6
}

// The two forms meet at 1000 discordant items, where they differ by less than one more item would.
TEST(McNemarTest, LargeCountsContinueTheExactOnes) {
  EXPECT_NEAR(mcnemar(460, 540), mcnemar(460, 541), 0.002);
  EXPECT_NEAR(mcnemar(600, 600), 1.0, 1e-12);
  EXPECT_NEAR(mcnemar(700, 600), std::erfc(100.0 / std::sqrt(2600.0)), 1e-15);
}

const std::vector<double> a{1, 1, 0, 1, 0, 1, 1, 0};
const std::vector<double> b{1, 0, 0, 1, 0, 0, 1, 0};

TEST(PairedTest, SpecificationExample) {
  const auto found = paired(b, a);  // the specification's difference is A - B
  EXPECT_EQ(found.items, 8);
  EXPECT_EQ(found.difference, 0.25);
  EXPECT_NEAR(found.stderror, 0.16366341767699427, 1e-16);
  EXPECT_EQ(found.lost, 0);
  EXPECT_EQ(found.gained, 2);
  EXPECT_EQ(found.p_value, 0.25);  // mid-p of 0 and 2: 1 / 2^2
  EXPECT_NEAR(found.degrees, 7, 1e-12);
  const auto score = paired_score_interval(0, 2, 8, normal_quantile(0.975));
  EXPECT_EQ(found.interval.low, score.low);
  EXPECT_EQ(found.interval.high, score.high);
  EXPECT_EQ(found.detectable(), detectable_change(3.0 / 10.0, 8));
}

TEST(PairedTest, GradedScoresUseStudentsT) {
  auto half = b;
  half[1] = 0.5;
  const auto found = paired(half, a, {}, false);
  EXPECT_NEAR(found.interval.high - found.difference, student_t_quantile(0.975, found.degrees) * found.stderror, 1e-15);
  EXPECT_NEAR(found.p_value, 2.0 * student_t_cdf(-found.difference / found.stderror, found.degrees), 1e-15);
}

TEST(PairedTest, ClustersGiveTheirOwnErrorAndT) {
  const std::vector<std::uint64_t> units{1, 1, 2, 2, 3, 3, 3, 3};
  const auto found = paired(b, a, {units, {}});
  std::vector<double> change;
  for (std::size_t i = 0; i < a.size(); ++i) change.push_back(a[i] - b[i]);
  const auto mean = item_mean(change, {units, {}});
  EXPECT_EQ(found.clusters, 3);
  EXPECT_EQ(found.degrees, mean.degrees);
  EXPECT_EQ(found.stderror, std::sqrt(item_variance(mean)));
  EXPECT_NEAR(found.p_value, 2.0 * student_t_cdf(-0.25 / found.stderror, mean.degrees), 1e-15);
  EXPECT_EQ(found.p_mcnemar, 0.25);
}

TEST(PairedTest, OneClusterSaysNothingAboutClusters) {
  const auto found = paired(b, a, {std::vector<std::uint64_t>(8, 7), {}});
  EXPECT_EQ(found.clusters, 0);
  EXPECT_NEAR(found.stderror, 0.16366341767699427, 1e-16);
}

// No item changed: a normal interval would be 0 +- 0. The score interval of 0 of n is +- z^2 / (n + z^2).
TEST(PairedTest, UnchangedItemsStillLeaveDoubt) {
  const auto found = paired(ones_of(60, 100), ones_of(60, 100));
  const double z2 = 1.959963984540054 * 1.959963984540054;
  EXPECT_NEAR(found.interval.high, z2 / (100 + z2), 1e-12);
  EXPECT_NEAR(found.interval.low, -z2 / (100 + z2), 1e-12);
  EXPECT_EQ(found.p_value, 1.0);
  EXPECT_NEAR(found.planning_error, 1.0 / 102, 1e-15);
  const auto graded = paired(std::vector<double>(10, 0.5), std::vector<double>(10, 0.5), {}, false);
  EXPECT_GT(graded.interval.high, 0.0);
}

TEST(PairedTest, RefusesWhatCannotBePaired) {
  EXPECT_THROW(paired(a, ones_of(1, 3)), Error);
  EXPECT_THROW(paired(std::vector<double>{0.5}, std::vector<double>{1.0}), Error);
  EXPECT_NO_THROW(paired(std::vector<double>{0.5, 1}, std::vector<double>{1.0, 0}, {}, false));
}

// The restricted maximum of the likelihood, found by search, must give the closed form's statistic.
TEST(PairedScoreTest, MaximisesTheLikelihoodUnderTheHypothesis) {
  const double lost = 12;
  const double gained = 5;
  const double items = 80;
  for (const double difference : {-0.3, -0.1, 0.05, 0.2}) {
    const double low = std::max(0.0, -difference);
    const double high = 0.5 * (1.0 - difference);
    double best = -1e300;
    double p_lost = 0.0;
    for (int i = 1; i < 20000; ++i) {
      const double q = low + (high - low) * i / 20000.0;
      const double value = lost * std::log(q) + gained * std::log(q + difference) +
                           (items - lost - gained) * std::log(1.0 - 2.0 * q - difference);
      if (value > best) {
        best = value;
        p_lost = q;
      }
    }
    const double variance = items * (2.0 * p_lost + difference - difference * difference);
    EXPECT_NEAR(paired_score(lost, gained, items, difference),
                (gained - lost - items * difference) / std::sqrt(variance), 2e-3);
  }
}

TEST(PairedScoreTest, AtNoDifferenceIsMcNemarsStatistic) {
  EXPECT_NEAR(paired_score(9, 2, 100, 0.0), -7.0 / std::sqrt(11.0), 1e-12);
}

TEST(PairedScoreTest, IntervalEndsAreWhereTheTestTurns) {
  const auto interval = paired_score_interval(12, 5, 80, 1.96);
  EXPECT_NEAR(paired_score(12, 5, 80, interval.low), 1.96, 1e-9);
  EXPECT_NEAR(paired_score(12, 5, 80, interval.high), -1.96, 1e-9);
  EXPECT_LT(interval.low, interval.high);
}

// Sorted 0.01 0.02 0.03 0.04, times 4 3 2 1, each at least the one before: 0.04 0.06 0.06 0.06.
TEST(HolmTest, ByHand) {
  EXPECT_EQ(holm(std::vector<double>{0.03, 0.01, 0.04, 0.02}), (std::vector<double>{0.06, 0.04, 0.06, 0.06}));
  EXPECT_EQ(holm(std::vector<double>{0.6, 0.5}), (std::vector<double>{1.0, 1.0}));
  EXPECT_TRUE(holm(std::vector<double>{}).empty());
}

// 2.80 standard errors for the normal distribution; with nine degrees more, since its t is wider.
TEST(PowerTest, AgreesWithTheNonCentralT) {
  EXPECT_NEAR(power_of(2.8015852, 0, 0.05), 0.80, 1e-6);
  EXPECT_NEAR(power_of(0.0, 7, 0.05), 0.05, 1e-9);
  // An error that is estimated with nine degrees is on average 0.97266 of the true one.
  const double smallest = detectable_difference(0.97266, 9);
  EXPECT_NEAR(power_of(smallest, 9, 0.05), 0.80, 1e-5);
  EXPECT_NEAR(smallest, 3.14, 0.01);
  EXPECT_GT(detectable_difference(0.97266, 9, 0.01), smallest);
  EXPECT_NEAR(detectable_difference(1.0, 0.0), 2.8016, 1e-4);             // 1.95996 + 0.84162
  EXPECT_NEAR(detectable_difference(1.0, 0.0, 0.05, 0.9), 3.2415, 1e-4);  // 1.95996 + 1.28155
}

// An effect of d needs at least d of the items to change, so few items never promise much.
TEST(PowerTest, FewItemsThatHardlyChangeShowOnlyLargeEffects) {
  EXPECT_NEAR(detectable_change(0.15, 500), 2.8015852 * std::sqrt(0.15 / 500.0), 0.002);
  EXPECT_GT(detectable_change(0.03, 20), 0.25);
  EXPECT_LE(detectable_change(1.0, 2), 1.0);
}

/// Verdicts of items before and after, of which given shares change.
struct Simulated {
  std::vector<double> before;
  std::vector<double> after;
};

Simulated simulate(Resampler& draw, std::size_t items, double lost, double gained) {
  Simulated found;
  const auto uniform = [&] { return static_cast<double>(draw.u64() >> 11U) * 0x1.0p-53; };
  for (std::size_t i = 0; i < items; ++i) {
    const double place = uniform();
    const bool before = place < lost || (place >= lost + gained && uniform() < 0.5);
    const bool after = place < lost ? false : place < lost + gained ? true : before;
    found.before.push_back(before);
    found.after.push_back(after);
  }
  return found;
}

// 2000 comparisons of 500 items, 15 % of which change: how often the 95 % interval covers, how often McNemar's test
// gives a false alarm, and how often a true difference of the stated detectable size is
// found.
TEST(Simulation, IntervalsCoverAndPowerIsAsStated) {
  Resampler draw(2024);
  constexpr double rounds = 2000;
  const double z = normal_quantile(0.975);
  const double detectable = detectable_change(0.15, 500);
  int covered = 0;
  int score_covered = 0;
  int alarms = 0;
  int found = 0;
  for (int round = 0; round < static_cast<int>(rounds); ++round) {
    const auto same = simulate(draw, 500, 0.075, 0.075);
    const auto result = paired(same.before, same.after);
    covered += result.interval.low <= 0.0 && result.interval.high >= 0.0 ? 1 : 0;
    alarms += result.p_value < 0.05 ? 1 : 0;
    const auto score =
        paired_score_interval(static_cast<double>(result.lost), static_cast<double>(result.gained), 500, z);
    score_covered += score.low <= 0.0 && score.high >= 0.0 ? 1 : 0;
    const auto moved = simulate(draw, 500, 0.075 + detectable / 2.0, 0.075 - detectable / 2.0);
    found += paired(moved.before, moved.after).interval.high < 0.0 ? 1 : 0;
  }
  EXPECT_NEAR(covered / rounds, 0.95, 0.015);
  EXPECT_NEAR(score_covered / rounds, 0.95, 0.015);
  EXPECT_NEAR(alarms / rounds, 0.05, 0.015);
  EXPECT_NEAR(found / rounds, 0.80, 0.03);
}

// Items of a cluster that move together: the plain error covers far too rarely, the clustered one as it says.
TEST(Simulation, ClusteredIntervalsCoverWhereItemsMoveTogether) {
  Resampler draw(7);
  constexpr double rounds = 1000;
  int clustered = 0;
  int plain = 0;
  for (int round = 0; round < static_cast<int>(rounds); ++round) {
    std::vector<double> before;
    std::vector<double> after;
    std::vector<std::uint64_t> clusters;
    for (std::uint64_t cluster = 0; cluster < 40; ++cluster) {
      const auto moved = simulate(draw, 1, 0.2, 0.2);
      for (int item = 0; item < 5; ++item) {
        before.push_back(moved.before[0]);
        after.push_back(moved.after[0]);
        clusters.push_back(cluster);
      }
    }
    const auto with = paired(before, after, {clusters, {}});
    const auto without = paired(before, after);
    clustered += with.interval.low <= 0.0 && with.interval.high >= 0.0 ? 1 : 0;
    plain += without.interval.low <= 0.0 && without.interval.high >= 0.0 ? 1 : 0;
  }
  EXPECT_NEAR(clustered / rounds, 0.95, 0.02);
  EXPECT_LT(plain / rounds, 0.75);
}

TEST(Statistics, BoundlessDegreesAreTheNormalDistribution) {
  EXPECT_NEAR(t_or_normal_quantile(0.975, 1e60), 1.959963985, 1e-8);
  EXPECT_NEAR(t_or_normal_quantile(0.975, 1e8), 1.959963985, 1e-6);
  EXPECT_NEAR(t_or_normal_cdf(-1.96, 1e60), normal_cdf(-1.96), 1e-12);
}

// So few degrees that nothing could be shown: no number, and no error of the library that computes it.
TEST(DetectableDifference, IsNoNumberWhereNoneIsKnown) {
  EXPECT_TRUE(std::isnan(detectable_difference(0.002, 0.29, 0.025)));
  EXPECT_TRUE(std::isnan(detectable_difference(0.002, 1.0, 1e-9)));
  EXPECT_GT(detectable_difference(0.002, 1.0, 0.025), 0.05);
}

}  // namespace
}  // namespace touchstone
