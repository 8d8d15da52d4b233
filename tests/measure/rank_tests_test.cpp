// Expected values are those of SciPy 1.17 unless a test says otherwise.
#include "harness/measure/rank_tests.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "harness/base/error.hpp"

namespace touchstone {
namespace {

using ::testing::ElementsAre;

TEST(RankTests, EqualValuesShareTheirRanks) {
  EXPECT_THAT(mid_ranks(std::vector<double>{3.0, 1.0, 3.0, 2.0, 3.0}), ElementsAre(4.0, 1.0, 4.0, 2.0, 4.0));
}

TEST(RankTests, FriedmanByChiSquareAboveThirtyCells) {
  const auto found = friedman({{9, 9.5, 5, 8.5},
                               {6, 7.5, 4.5, 7},
                               {9, 8, 4, 7.5},
                               {5, 6.5, 3, 6.1},
                               {7, 9, 2, 8},
                               {8, 9.1, 3.3, 7.7},
                               {6.2, 8.8, 1, 7.9},
                               {5, 6, 2, 3},
                               {4, 7, 1, 6}});
  EXPECT_FALSE(found.exact);
  EXPECT_NEAR(found.statistic, 22.6, 1e-12);
  EXPECT_NEAR(found.p_value, 4.892658384980545e-05, 1e-15);
}

// SciPy has chi-square alone; the exact p are of all orders of the blocks, counted one by one.
TEST(RankTests, FriedmanIsExactForFewCells) {
  const auto found = friedman({{1, 3, 2, 4}, {1, 2, 3, 4}, {2, 1, 3, 4}});
  EXPECT_TRUE(found.exact);
  EXPECT_NEAR(found.statistic, 7.0, 1e-12);
  EXPECT_NEAR(found.p_value, 0.05381944444444445, 1e-12);
  EXPECT_NEAR(found.mean_ranks[3], 4.0, 1e-12);
  const auto tied = friedman({{1, 1, 2}, {3, 2, 2}, {1, 2, 3}, {2, 2, 5}});
  EXPECT_NEAR(tied.statistic, 2.923076923076923, 1e-12);
  EXPECT_NEAR(tied.p_value, 0.4074074074074074, 1e-12);
  EXPECT_EQ(friedman({{1, 1, 1}, {2, 2, 2}}).p_value, 1.0);
  EXPECT_NEAR(least_friedman_p(3, 3), 1.0 / 36.0, 1e-12);
  EXPECT_NEAR(least_friedman_p(2, 3), 1.0 / 6.0, 1e-12);
  EXPECT_THROW(friedman({{1, 2}, {1, 2, 3}}), Error);
}

TEST(RankTests, MannWhitneyIsExactForFewPairs) {
  const std::vector<double> x = {1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30};
  const std::vector<double> y = {0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06001, 3.14, 1.29001};
  const auto found = mann_whitney(x, y);
  EXPECT_TRUE(found.exact);
  EXPECT_EQ(found.u, 58.0);
  EXPECT_NEAR(found.p_value, 0.13591114767585355, 1e-12);
  EXPECT_NEAR(found.shift, 0.56, 1e-12);
  // The shifts that SciPy's exact test does not reject.
  EXPECT_NEAR(found.interval.low, -0.37, 1e-8);
  EXPECT_NEAR(found.interval.high, 1.183, 1e-8);
  const auto turned = mann_whitney(y, x);
  EXPECT_NEAR(turned.p_value, found.p_value, 1e-15);
  EXPECT_NEAR(turned.interval.high, -found.interval.low, 1e-15);
}

TEST(RankTests, MannWhitneyIsNormalForMany) {
  std::vector<double> x;
  std::vector<double> y;
  for (int at = 0; at < 60; ++at) {
    x.push_back(at + 0.37);
    y.push_back(0.9 * at);
  }
  const auto found = mann_whitney(x, y);
  EXPECT_FALSE(found.exact);
  EXPECT_EQ(found.u, 1998.0);
  EXPECT_NEAR(found.p_value, 0.29991943889944694, 1e-9);
}

// One run above five others: the smallest p there is, one-sided, is 1 / 6.
TEST(RankTests, FewCellsCannotShowAnything) {
  const std::vector<double> one = {56};
  const std::vector<double> five = {54, 55, 53, 54.5, 55.5};
  EXPECT_NEAR(p_shift_above(one, five, 0.0), 1.0 / 6.0, 1e-12);
  EXPECT_TRUE(std::isinf(mann_whitney(one, five).interval.low));
  EXPECT_NEAR(least_mann_whitney_p(3, 5), 2.0 / 56.0, 1e-12);
  EXPECT_NEAR(least_mann_whitney_p(3, 3), 0.1, 1e-12);
  EXPECT_NEAR(least_mann_whitney_p(4, 4), 2.0 / 70.0, 1e-12);
  EXPECT_THROW(mann_whitney({}, five), Error);
}

// The interval lies above a bound exactly where the test says so, also with ties.
TEST(RankTests, IntervalAndTestAgree) {
  const std::vector<double> x = {3, 4, 4, 5, 6, 7};
  const std::vector<double> y = {1, 2, 2, 3, 4, 4};
  const auto found = mann_whitney(x, y);
  for (double bound = -1.0; bound < 6.0; bound += 0.25) {
    EXPECT_EQ(found.interval.low > bound, p_shift_above(x, y, bound) <= 0.025) << bound;
    EXPECT_EQ(found.interval.high < bound, p_shift_above(y, x, -bound) <= 0.025) << bound;
  }
}

}  // namespace
}  // namespace touchstone
