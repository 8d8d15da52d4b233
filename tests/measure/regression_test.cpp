#include "harness/measure/regression.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "harness/base/error.hpp"

namespace touchstone {
namespace {

const std::vector<double> drift = {0.02, 0.05, 0.04, 0.30, 0.35, 0.22, 0.60, 0.75, 0.10, 0.12, 0.90, 0.85};
const std::vector<double> drops = {0.01, 0.00, 0.02, 0.06, 0.09, 0.05, 0.16, 0.14, 0.03, 0.01, 0.20, 0.24};
const std::vector<std::uint64_t> methods = {1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 5};

// numpy 2.4 by the definition: A_g = (I - H_gg)^(-1/2) from eigh, V = M sum_g X_g' A_g e_g e_g' A_g X_g M, degrees
// tr(G)^2 / sum(G^2) with G = P P', rows of P (I - H) A_g X_g M l.
TEST(ClusteredLine, EqualsTheDenseFormulas) {
  const auto fit = clustered_line(drift, drops, methods);
  EXPECT_NEAR(fit.intercept, -0.00178313, 1e-8);
  EXPECT_NEAR(fit.slope, 0.23985991, 1e-8);
  EXPECT_NEAR(fit.slope_stderror, 0.018625771031961863, 1e-12);
  EXPECT_NEAR(fit.degrees, 2.1303582187536225, 1e-9);
  EXPECT_NEAR(fit.r_squared, 0.9425224215298373, 1e-12);
  EXPECT_EQ(fit.points, 12);
  EXPECT_EQ(fit.clusters, 5);
  EXPECT_LT(fit.slope_interval.low, fit.slope);
  EXPECT_NEAR(fit.slope_interval.high - fit.slope, student_t_quantile(0.975, fit.degrees) * fit.slope_stderror, 1e-12);
  EXPECT_LT(fit.p_value, 0.05);
}

// Points that are clusters of their own: HC2, whose error for two groups of equal x is Welch's.
TEST(ClusteredLine, OfTwoGroupsIsWelch) {
  const std::vector<double> x = {0, 0, 0, 0, 1, 1, 1};
  const std::vector<double> y = {1, 2, 3, 5, 4, 8, 9};
  const std::vector<std::uint64_t> own = {1, 2, 3, 4, 5, 6, 7};
  const auto fit = clustered_line(x, y, own);
  const auto low = mean_error(std::vector<double>{1, 2, 3, 5});
  const auto high = mean_error(std::vector<double>{4, 8, 9});
  EXPECT_NEAR(fit.slope, high.mean - low.mean, 1e-12);
  EXPECT_NEAR(fit.slope_stderror, std::hypot(low.stderror, high.stderror), 1e-12);
}

TEST(ClusteredLine, NeedsThreeClusters) {
  const std::vector<std::uint64_t> two = {1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2};
  const auto fit = clustered_line(drift, drops, two);
  EXPECT_NEAR(fit.slope, 0.23985991, 1e-8);
  EXPECT_EQ(fit.degrees, 0.0);
  EXPECT_TRUE(std::isnan(fit.slope_stderror));
  EXPECT_TRUE(std::isnan(fit.slope_interval.low));
  EXPECT_EQ(fit.p_value, 1.0);
}

TEST(ClusteredLine, RefusesWhatHasNoLine) {
  const std::vector<double> two = {1.0, 2.0};
  const std::vector<std::uint64_t> names = {1, 2};
  EXPECT_THROW(clustered_line(two, two, names), Error);
  const std::vector<double> same = {1.0, 1.0, 1.0};
  const std::vector<double> y = {1.0, 2.0, 3.0};
  const std::vector<std::uint64_t> three = {1, 2, 3};
  EXPECT_THROW(clustered_line(same, y, three), Error);
  EXPECT_THROW(clustered_line(y, two, three), Error);
}

TEST(Parabola, EqualsLeastSquares) {
  const auto fit = parabola(drift, drops);  // numpy.polyfit
  EXPECT_NEAR(fit.c2, 0.01531624, 1e-7);
  EXPECT_NEAR(fit.c1, 0.22610932, 1e-7);
  EXPECT_NEAR(fit.c0, -0.00035918, 1e-7);
  EXPECT_NEAR(fit.r_squared, 0.9426872801792158, 1e-10);
  EXPECT_THROW(parabola(std::vector<double>{1, 1, 2, 2}, std::vector<double>{1, 2, 3, 4}), Error);
}

}  // namespace
}  // namespace touchstone
