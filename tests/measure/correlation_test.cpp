// Expected values are those of SciPy 1.17; the jackknife's were computed from its correlations and its t quantile.
#include "harness/measure/correlation.hpp"

#include <gtest/gtest.h>

#include "harness/base/error.hpp"

namespace touchstone {
namespace {

const std::vector<double> x = {1.2, 3.4, 2.2, 5.9, 4.1, 3.3, 7.7, 6.5};
const std::vector<double> y = {2.1, 3.0, 2.2, 6.1, 3.3, 3.3, 9.9, 5.0};
const std::vector<std::uint32_t> arms = {0, 0, 1, 1, 2, 2, 3, 3};

TEST(Correlation, OfValuesAndOfRanks) {
  EXPECT_NEAR(pearson(x, y), 0.9065562218291933, 1e-14);
  EXPECT_NEAR(spearman(x, y), 0.934148484292342, 1e-14);
  EXPECT_EQ(pearson(x, std::vector<double>(8, 1.0)), 0.0);
}

TEST(Correlation, IntervalOverArms) {
  const auto values = clustered_correlation(x, y, arms, false);
  EXPECT_NEAR(values.z, 1.5078469579802238, 1e-12);
  EXPECT_NEAR(values.stderror, 0.17813900652973103, 1e-12);
  EXPECT_EQ(values.degrees, 3.0);
  EXPECT_NEAR(values.interval.low, 0.7356488507332998, 1e-9);
  EXPECT_NEAR(values.interval.high, 0.9689461080302534, 1e-9);
  const auto ranks = clustered_correlation(x, y, arms, true);
  EXPECT_NEAR(ranks.interval.low, 0.7593972364546021, 1e-9);
  EXPECT_NEAR(ranks.interval.high, 0.9831895458570105, 1e-9);
}

// More cells of the same arms are hardly more cases: the interval of cells that repeat does not shrink.
TEST(Correlation, RepeatedCellsAddNothing) {
  std::vector<double> more_x;
  std::vector<double> more_y;
  std::vector<std::uint32_t> more_arms;
  for (int time = 0; time < 5; ++time) {
    more_x.insert(more_x.end(), x.begin(), x.end());
    more_y.insert(more_y.end(), y.begin(), y.end());
    more_arms.insert(more_arms.end(), arms.begin(), arms.end());
  }
  EXPECT_NEAR(clustered_correlation(more_x, more_y, more_arms, false).stderror,
              clustered_correlation(x, y, arms, false).stderror, 1e-12);
}

// Counted in Python over the 24 orders of the four arms, each arm's two values kept together.
TEST(Correlation, OrdersOfTheArms) {
  const auto highest = cluster_orders(x, y, arms, true);
  ASSERT_TRUE(highest.has_value());
  EXPECT_NEAR(highest->as_high, 1.0 / 24.0, 1e-15);
  EXPECT_EQ(highest->as_low, 1.0);
  const std::vector<double> other = {5, 9, 1, 4, 6, 6, 2, 3};
  EXPECT_NEAR(cluster_orders(x, other, arms, false)->as_high, 19.0 / 24.0, 1e-15);
  EXPECT_NEAR(cluster_orders(x, other, arms, false)->as_low, 6.0 / 24.0, 1e-15);
  EXPECT_NEAR(cluster_orders(x, other, arms, true)->as_high, 16.0 / 24.0, 1e-15);
  EXPECT_NEAR(cluster_orders(x, other, arms, true)->as_low, 9.0 / 24.0, 1e-15);
  EXPECT_NEAR(least_order_p(4), 1.0 / 24.0, 1e-15);
  const std::vector<double> nine(9, 1.0);
  EXPECT_FALSE(cluster_orders(nine, nine, std::vector<std::uint32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8}, true).has_value());
  EXPECT_FALSE(cluster_orders(x, y, std::vector<std::uint32_t>{0, 1, 1, 2, 2, 2, 3, 3}, true).has_value());
}

TEST(Correlation, NeedsFourClusters) {
  EXPECT_THROW(clustered_correlation(x, y, std::vector<std::uint32_t>{0, 0, 1, 1, 2, 2, 2, 2}, false), Error);
}

}  // namespace
}  // namespace touchstone
