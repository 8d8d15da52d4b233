#include "harness/measure/item_mean.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "harness/base/error.hpp"
#include "harness/measure/statistics.hpp"

namespace touchstone {
namespace {

double error_of(const ItemMean& mean) { return std::sqrt(item_variance(mean)); }

TEST(ItemMean, OfSingleItemsIsTheUsualError) {
  const std::vector<double> values{1, 0, 1, 1, 0.5};
  const auto mean = item_mean(values, {});
  EXPECT_NEAR(mean.value, 0.7, 1e-15);
  EXPECT_NEAR(error_of(mean), mean_error(values).stderror, 1e-15);
  EXPECT_NEAR(mean.degrees, 4, 1e-12);
}

// Clusters {1, 1} and {0, 0, 1}: mean 0.6, sums of deviations 0.8 and -0.8. CR2 divides them by sqrt(1 - 2/5) and
// sqrt(1 - 3/5): variance (0.64 / 0.6 + 0.64 / 0.4) / 25.
TEST(ItemMean, ClustersByHand) {
  const std::vector<double> values{1, 1, 0, 0, 1};
  const std::vector<std::uint64_t> units{8, 8, 3, 3, 3};
  const auto mean = item_mean(values, {units, {}});
  EXPECT_NEAR(item_variance(mean), (0.64 / 0.6 + 0.64 / 0.4) / 25.0, 1e-15);
  ASSERT_EQ(mean.units.size(), 2U);
  EXPECT_EQ(mean.units.front().unit, 3U);
  // Shares 0.4 and 0.6; q = 0.16 / 0.6 and 0.36 / 0.4: 1 / (0.16 + 0.36 + 2 q q').
  EXPECT_NEAR(mean.degrees, 1.0 / (0.52 + 2.0 * (0.16 / 0.6) * (0.36 / 0.4)), 1e-12);
}

TEST(ItemMean, EqualClustersHaveTheirNumberLessOneDegrees) {
  std::vector<double> values;
  std::vector<std::uint64_t> units;
  for (std::uint64_t item = 0; item < 30; ++item) {
    values.push_back(static_cast<double>(item % 7));
    units.push_back(item / 5);
  }
  EXPECT_NEAR(item_mean(values, {units, {}}).degrees, 5, 1e-12);
}

// Two strata with means 0 and 1 that vary by nothing within: the strata are all there are.
TEST(ItemMean, StrataAreNoSample) {
  const std::vector<double> values{0, 0, 0, 1, 1, 1};
  const std::vector<std::uint32_t> strata{0, 0, 0, 1, 1, 1};
  EXPECT_EQ(item_variance(item_mean(values, {{}, strata})), 0.0);
  EXPECT_GT(item_variance(item_mean(values, {})), 0.0);
  // Within a stratum: sum of n_h s_h^2 / n^2.
  const std::vector<double> others{0, 1, 0, 1, 1, 0, 1, 1};
  const std::vector<std::uint32_t> halves{0, 0, 0, 0, 1, 1, 1, 1};
  EXPECT_NEAR(item_variance(item_mean(others, {{}, halves})), (4.0 * (1.0 / 3.0) + 4.0 * 0.25) / 64.0, 1e-15);
}

TEST(ItemMean, NoDifferenceIsNoPromise) {
  const std::vector<double> values(10, 0.0);
  EXPECT_NEAR(item_variance(item_mean(values, {}, 0.04)), 0.04, 1e-15);
}

// The same items twice: the variance of the mean of both is that of one; other items: half of it.
TEST(ItemMean, SumsKnowSharedItems) {
  const std::vector<double> values{1, 0, 1, 1, 0, 0, 1, 0};
  const std::vector<std::uint64_t> here{0, 1, 2, 3, 4, 5, 6, 7};
  const std::vector<std::uint64_t> there{10, 11, 12, 13, 14, 15, 16, 17};
  const auto one = item_mean(values, {here, {}});
  const auto two = item_mean(values, {there, {}});
  const std::vector<double> halves{0.5, 0.5};
  EXPECT_NEAR(item_variance(weighted_sum(std::vector{&one, &one}, halves)), item_variance(one), 1e-15);
  EXPECT_NEAR(item_variance(weighted_sum(std::vector{&one, &two}, halves)), item_variance(one) / 2.0, 1e-15);
  EXPECT_NEAR(item_covariance(one, two), 0.0, 1e-15);
  EXPECT_NEAR(weighted_sum(std::vector{&one, &two}, halves).degrees, 14, 1e-12);
}

// Errors 3 and 4 with 10 and 20 degrees: sqrt(25), and 625 / (81/10 + 256/20).
TEST(ItemMean, SumsAddVariancesAndDegrees) {
  const ItemMean one{.value = 0.0, .units = {{1, 3.0}}, .degrees = 10};
  const ItemMean two{.value = 0.0, .units = {{2, 4.0}}, .degrees = 20};
  const std::vector<double> ones{1.0, 1.0};
  const auto found = weighted_sum(std::vector{&one, &two}, ones);
  EXPECT_EQ(error_of(found), 5.0);
  EXPECT_NEAR(found.degrees, 625.0 / (8.1 + 12.8), 1e-12);
  auto normal = one;
  normal.degrees = 0;
  EXPECT_EQ(weighted_sum(std::vector<const ItemMean*>{&normal, &normal}, ones).degrees, 0.0);
}

TEST(ItemMean, RefusesOtherLengths) {
  const std::vector<double> values{1, 0};
  EXPECT_THROW(item_mean(values, {std::vector<std::uint64_t>{1}, {}}), Error);
}

}  // namespace
}  // namespace touchstone
