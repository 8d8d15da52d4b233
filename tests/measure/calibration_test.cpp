#include "harness/measure/calibration.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "harness/base/error.hpp"
#include "harness/measure/statistics.hpp"

namespace touchstone {
namespace {

std::vector<CalibrationItem> items(const std::vector<double>& confidence, const std::vector<bool>& correct) {
  std::vector<CalibrationItem> all;
  for (std::size_t i = 0; i < confidence.size(); ++i) {
    all.push_back({.confidence = confidence[i], .correct = correct[i], .choice_probability = {}, .gold = -1});
  }
  return all;
}

TEST(CalibrationTest, SpecificationExample) {
  const auto found = calibration(items({0.9, 0.8, 0.6, 0.55}, {true, true, false, true}));
  EXPECT_NEAR(found.ece, 0.3375, 1e-15);  // (0.1 + 0.2 + 0.6 + 0.45) / 4
  EXPECT_NEAR(found.mce, 0.6, 1e-15);
  EXPECT_NEAR(found.brier, (0.01 + 0.04 + 0.36 + 0.2025) / 4, 1e-15);
  EXPECT_NEAR(found.nll, -(std::log(0.9) + std::log(0.8) + std::log(0.4) + std::log(0.55)) / 4, 1e-15);
  EXPECT_NEAR(found.confidence, 0.7125, 1e-15);
  EXPECT_NEAR(found.accuracy, 0.75, 1e-15);
  EXPECT_NEAR(found.auroc, 2.0 / 3.0, 1e-15);  // of the three (right, wrong) pairs, 0.55 < 0.6 is in the wrong order
  EXPECT_EQ(found.selective_accuracy_10, 1.0);
  EXPECT_NEAR(found.risk_coverage_area, (0.0 + 0.0 + 1.0 / 3.0 + 0.25) / 4, 1e-15);
}

TEST(CalibrationTest, BinsHoldTheirEdgesAndMeans) {
  const auto found = calibration(items({0.1, 1.0, 0.95, 0.0}, {false, true, false, false}));
  ASSERT_EQ(found.bins.size(), 10U);
  EXPECT_EQ(found.bins[0].items, 1);
  EXPECT_EQ(found.bins[1].items, 1);  // 0.1 opens the second bin
  EXPECT_EQ(found.bins[9].items, 2);  // 1.0 belongs to the last
  EXPECT_DOUBLE_EQ(found.bins[9].confidence, 0.975);
  EXPECT_DOUBLE_EQ(found.bins[9].accuracy, 0.5);
  EXPECT_DOUBLE_EQ(found.bins[9].low, 0.9);
  EXPECT_DOUBLE_EQ(found.bins[9].high, 1.0);
}

// Five items in two bins of three and two. {0.1, 0.2, 0.6} with one right: |0.9 - 1|; {0.7, 0.9}, both right: |1.6 -
// 2|.
TEST(CalibrationTest, EqualMassByHand) {
  const auto found = calibration(items({0.9, 0.1, 0.6, 0.2, 0.7}, {true, false, true, false, true}), 2);
  EXPECT_NEAR(found.ece_equal_mass, (0.1 + 0.4) / 5, 1e-15);
}

TEST(CalibrationTest, EqualMassWithOneBinIsTheGapOfTheMeans) {
  const auto found = calibration(items({0.9, 0.1, 0.6}, {true, false, false}), 1);
  EXPECT_NEAR(found.ece_equal_mass, std::abs(found.confidence - found.accuracy), 1e-15);
}

TEST(CalibrationTest, BrierAndNllOfChoices) {
  const std::vector<double> first{0.7, 0.2, 0.1};
  const std::vector<double> second{0.1, 0.3, 0.6};
  const std::vector<CalibrationItem> all{{0.7, true, first, 0}, {0.6, false, second, 1}};
  const auto found = calibration(all);
  EXPECT_NEAR(found.brier, 0.5, 1e-15);  // (0.14 + 0.86) / 2
  EXPECT_NEAR(found.nll, -(std::log(0.7) + std::log(0.3)) / 2, 1e-15);
}

TEST(CalibrationTest, CertainlyWrongStaysFinite) {
  EXPECT_NEAR(calibration(items({1.0}, {false})).nll, -std::log(1e-15), 1e-12);
}

TEST(CalibrationTest, NothingToDetectWhenAllAreRight) {
  EXPECT_TRUE(std::isnan(calibration(items({0.9, 0.5}, {true, true})).auroc));
}

TEST(CalibrationTest, TiesDoNotDependOnOrder) {
  const auto one = calibration(items({0.5, 0.5, 0.5, 0.9}, {true, false, false, true}));
  const auto two = calibration(items({0.5, 0.9, 0.5, 0.5}, {false, true, false, true}));
  EXPECT_NEAR(one.auroc, 0.75, 1e-15);  // 0.9 beats both wrong ones, 0.5 ties with both: (2 + 2 * 0.5) / 4
  EXPECT_DOUBLE_EQ(one.auroc, two.auroc);
  EXPECT_DOUBLE_EQ(one.risk_coverage_area, two.risk_coverage_area);
  EXPECT_DOUBLE_EQ(one.selective_accuracy_10, two.selective_accuracy_10);
}

TEST(CalibrationTest, RefusesWhatIsNoProbability) {
  EXPECT_THROW(calibration(items({1.5}, {true})), Error);
  EXPECT_THROW(calibration(items({std::nan("")}, {true})), Error);
  EXPECT_EQ(calibration({}).items, 0);
}

std::vector<CalibrationItem> simulated(Resampler& draw, int count, double too_sure) {
  std::vector<CalibrationItem> all;
  const auto uniform = [&] { return static_cast<double>(draw.u64() >> 11U) * 0x1.0p-53; };
  for (int i = 0; i < count; ++i) {
    const double truth = 0.3 + 0.5 * uniform();
    all.push_back({.confidence = truth + too_sure, .correct = uniform() < truth, .choice_probability = {}, .gold = -1});
  }
  return all;
}

TEST(CalibrationChangeTest, IsThatOfTheTwoSides) {
  Resampler draw(5);
  const auto before = simulated(draw, 600, 0.0);
  auto sure = before;
  for (auto& item : sure) item.confidence += 0.15;
  const auto worse = calibration_change(before, sure);
  EXPECT_NEAR(worse.ece, calibration(sure).ece - calibration(before).ece, 1e-12);
  EXPECT_NEAR(worse.brier.value, calibration(sure).brier - calibration(before).brier, 1e-12);
  EXPECT_NEAR(worse.gap.value, 0.15, 1e-12);
  EXPECT_EQ(calibration_change(before, before).ece, 0.0);
  EXPECT_EQ(calibration_change(before, before).gap.value, 0.0);
}

// Both are means, so their errors are the paired ones.
TEST(CalibrationChangeTest, ErrorsAreThePairedOnes) {
  Resampler draw(6);
  const auto before = simulated(draw, 400, 0.0);
  const auto after = simulated(draw, 400, 0.1);
  std::vector<double> briers;
  std::vector<double> gaps;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const auto gap = [](const CalibrationItem& item) { return item.confidence - (item.correct ? 1.0 : 0.0); };
    briers.push_back(gap(after[i]) * gap(after[i]) - gap(before[i]) * gap(before[i]));
    gaps.push_back(gap(after[i]) - gap(before[i]));
  }
  const auto found = calibration_change(before, after);
  EXPECT_NEAR(std::sqrt(item_variance(found.brier)), mean_error(briers).stderror, 1e-15);
  EXPECT_NEAR(std::sqrt(item_variance(found.gap)), mean_error(gaps).stderror, 1e-15);
}

// Two choices, logp difference 2 in favour of the right one in 3 of 4 items: the best T gives sigmoid(2/T) = 3/4, so
// T = 2 / ln 3.
TEST(TemperatureTest, ByHand) {
  const std::vector<std::vector<double>> logp(4, {0.0, -2.0});
  EXPECT_NEAR(fit_temperature(logp, std::vector<int>{0, 0, 0, 1}), 2.0 / std::log(3.0), 1e-10);
}

TEST(TemperatureTest, StaysInItsRange) {
  const std::vector<std::vector<double>> logp(3, {0.0, -2.0});
  EXPECT_LT(fit_temperature(logp, std::vector<int>{0, 0, 0}), 0.01);  // where the likelihood is 1 to the last digit
  EXPECT_NEAR(fit_temperature(logp, std::vector<int>{1, 1, 1}), 1e3, 1e-3);
  EXPECT_THROW(fit_temperature(logp, std::vector<int>{1}), Error);
}

// Two bins of ten: d = confidence - right is 0.8 - {0 x4, 1 x6} and 0.4 - {0 x6, 1 x4}. The mean product of two
// different items is ((sum d)^2 - sum d^2) / (10 x 9).
TEST(CalibrationChange, SquaredErrorLeavesOutWhatFewItemsAdd) {
  std::vector<CalibrationItem> sure;
  for (int at = 0; at < 10; ++at)
    sure.push_back({.confidence = 0.8, .correct = at < 6, .choice_probability = {}, .gold = -1});
  for (int at = 0; at < 10; ++at)
    sure.push_back({.confidence = 0.4, .correct = at < 4, .choice_probability = {}, .gold = -1});
  std::vector<CalibrationItem> half(20, {.confidence = 0.0, .correct = false, .choice_probability = {}, .gold = -1});
  const double upper = (2.0 * 2.0 - (4 * 0.64 + 6 * 0.04)) / 90.0;
  const double lower = (0.0 - (6 * 0.16 + 4 * 0.36)) / 90.0;
  const auto found = calibration_change(half, sure);
  EXPECT_NEAR(found.squared_error.value, (upper + lower) / 2.0, 1e-15);
  EXPECT_EQ(calibration_change(sure, sure).squared_error.value, 0.0);
}

TEST(CalibrationChange, SquaredErrorOfOneItemIsNone) {
  const std::vector<CalibrationItem> one = {
      {.confidence = 0.9, .correct = false, .choice_probability = {}, .gold = -1}};
  const std::vector<CalibrationItem> other = {
      {.confidence = 0.1, .correct = true, .choice_probability = {}, .gold = -1}};
  EXPECT_EQ(calibration_change(one, other).squared_error.value, 0.0);
}

}  // namespace
}  // namespace touchstone
