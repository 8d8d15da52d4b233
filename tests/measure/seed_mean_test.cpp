#include "harness/measure/seed_mean.hpp"

#include <gtest/gtest.h>
#include <tbb/parallel_for.h>

#include <cmath>
#include <numbers>

namespace touchstone {
namespace {

ItemMean of(const std::vector<double>& values, std::uint64_t first = 0) {
  std::vector<std::uint64_t> units;
  for (std::size_t at = 0; at < values.size(); ++at) units.push_back(first + at);
  return item_mean(values, {units, {}});
}

TEST(SeedMean, OneSeedHasTheErrorOfItsItems) {
  const auto seed = of({1, 0, 1, 1, 0});
  const auto spread = seed_spread(SeedValues{seed});
  const auto mean = over_seeds(spread, pooled_variance(std::span(&spread, 1)));
  EXPECT_EQ(mean.mean, seed.value);
  EXPECT_NEAR(mean.stderror, std::sqrt(item_variance(seed)), 1e-15);
  EXPECT_NEAR(mean.degrees, 4, 1e-12);
  EXPECT_TRUE(std::isnan(mean.between_sd));
}

// Seeds that differ hardly more than their items explain: two seeds are one degree of freedom, not a fourth of one.
TEST(SeedMean, HasNoFewerDegreesThanItsParts) {
  SeedSpread spread;
  spread.mean = 0.02;
  spread.degrees = 1.0;
  spread.weight = 0.5;
  spread.items = 1e-6;
  spread.item_degrees = 10.0;
  const SeedVariance variance{.between = 4e-6, .own_items = 3.9e-6, .degrees = 1.0};
  EXPECT_EQ(over_seeds(spread, variance).degrees, 1.0);
}

// Every seed was asked other questions: the variance is that of the seeds' values, whatever the items say.
TEST(SeedMean, FreshItemsAreBetweenSeeds) {
  const SeedValues seeds{of({1, 0, 1, 1}, 0), of({0, 0, 1, 0}, 10), of({1, 1, 1, 0}, 20)};
  const auto spread = seed_spread(seeds);
  const auto mean = over_seeds(spread, pooled_variance(std::span(&spread, 1)));
  const std::vector<double> values{0.75, 0.25, 0.75};
  EXPECT_NEAR(spread.items, spread.own_items / 3.0, 1e-15);
  if (spread.between > spread.own_items) {
    EXPECT_NEAR(mean.stderror, mean_error(values).stderror, 1e-15);
    EXPECT_NEAR(mean.degrees, 2, 1e-12);
  } else {
    EXPECT_NEAR(mean.stderror, std::sqrt(spread.items), 1e-15);
  }
}

// Seeds that answer alike: nothing but the items, however many seeds; with seeds that differ by a shift, its variance
// too.
TEST(SeedMean, SharedItemsAreCountedOnce) {
  const std::vector<double> values{1, 0, 1, 1, 0, 0, 1, 0};
  const auto seed = of(values);
  const auto alike = seed_spread(SeedValues{seed, seed, seed, seed});
  EXPECT_NEAR(alike.items, item_variance(seed), 1e-15);
  EXPECT_NEAR(alike.own_items, 0.0, 1e-15);
  SeedValues shifted;
  for (const double shift : {-0.1, 0.0, 0.1}) {
    auto moved = values;
    for (auto& value : moved) value += shift;
    shifted.push_back(of(moved));
  }
  const auto spread = seed_spread(shifted);
  EXPECT_NEAR(spread.between, 0.01, 1e-15);
  const auto mean = over_seeds(spread, pooled_variance(std::span(&spread, 1)));
  EXPECT_NEAR(mean.stderror * mean.stderror, item_variance(seed) + 0.01 / 3.0, 1e-12);
}

TEST(SeedMean, PlansAreOfTheSameError) {
  const SeedValues seeds{of({1, 0, 1, 1, 0, 0, 1, 0}), of({0, 0, 0, 1, 0, 0, 1, 0}), of({1, 1, 1, 1, 1, 0, 1, 1})};
  const auto spread = seed_spread(seeds);
  const auto variance = pooled_variance(std::span(&spread, 1));
  const auto mean = over_seeds(spread, variance);
  EXPECT_NEAR(planned_error(spread, variance, 1, 1).stderror, mean.stderror, 1e-12);
  const double twice = planned_error(spread, variance, 2, 1).stderror;
  EXPECT_LT(twice, mean.stderror);
  EXPECT_GT(twice, mean.stderror / std::sqrt(2.0));  // items that all seeds share stay
  EXPECT_LT(planned_error(spread, variance, 1, 4).stderror, mean.stderror);
}

// Two training tasks with three seeds each: 2 (3 - 1) degrees, and 2 (6 - 1) with twice the seeds.
TEST(SeedMean, EachGroupHasDegreesOfItsOwn) {
  const std::vector<SeedValues> groups = {{of({0, 0}), of({1, 1}), of({3, 3})}, {of({2, 2}), of({2, 2}), of({5, 5})}};
  const auto spread = seed_spread(groups);
  const auto variance = pooled_variance(std::span(&spread, 1));
  EXPECT_EQ(variance.degrees, 4.0);
  EXPECT_NEAR(planned_error(spread, variance, 2, 1).degrees, 10.0, 1e-9);
}

// One seed does not say whether another would be asked the same questions: told that it would not, more seeds lessen
// the error of the questions, too.
TEST(SeedMean, PlansOfFreshQuestionsFallWithTheSeeds) {
  auto spread = seed_spread(SeedValues{of({1, 0, 1, 1, 0, 0, 1, 0})});
  const double one = planned_error(spread, {}, 1, 1).stderror;
  EXPECT_EQ(planned_error(spread, {}, 4, 1).stderror, one);
  own_questions(spread, 0.5);
  EXPECT_NEAR(planned_error(spread, {}, 4, 1).stderror, one * std::sqrt(0.5 + 0.5 / 4.0), 1e-15);
  own_questions(spread, 1.0);
  EXPECT_NEAR(planned_error(spread, {}, 4, 1).stderror, one / 2.0, 1e-15);
}

/// Standard normal draws.
class Normals {
 public:
  explicit Normals(std::uint64_t seed) : draw_(seed) {}
  double next() {
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }

 private:
  double uniform() { return (static_cast<double>(draw_.u64() >> 11U) + 0.5) * 0x1.0p-53; }
  Resampler draw_;
};

/// How two methods are compared: right-or-wrong answers of a latent normal model. Half of what makes a method differ on
/// an item is shared by its seeds where `shared` is 0.5.
struct Setting {
  int seeds = 0;
  int items = 0;
  double seed_sd_points = 0.0;
  double shared = 0.0;
  bool fresh = false;  ///< other items for every seed
};

SeedSpread comparison(const Setting& setting, Normals& draws) {
  const double own = std::sqrt(0.3 * (1.0 - setting.shared));
  const double common = std::sqrt(0.3 * setting.shared);
  const double shift_sd =
      setting.seed_sd_points / 100.0 * std::sqrt(2.0 * std::numbers::pi * 1.3) / std::numbers::sqrt2;
  const auto n = static_cast<std::size_t>(setting.items);
  std::vector<double> difficulty(n);
  std::vector<double> first(n);
  std::vector<double> second(n);
  const auto draw_items = [&] {
    for (std::size_t at = 0; at < n; ++at) {
      difficulty[at] = draws.next();
      first[at] = common * draws.next();
      second[at] = common * draws.next();
    }
  };
  draw_items();
  SeedValues seeds;
  for (int seed = 0; seed < setting.seeds; ++seed) {
    if (setting.fresh) draw_items();
    const double shift = shift_sd * draws.next();
    const double other = shift_sd * draws.next();
    std::vector<double> change(n);
    for (std::size_t at = 0; at < n; ++at) {
      const bool before = difficulty[at] + first[at] + own * draws.next() + shift > 0.0;
      const bool after = difficulty[at] + second[at] + own * draws.next() + other > 0.0;
      change[at] = (after ? 1.0 : 0.0) - (before ? 1.0 : 0.0);
    }
    seeds.push_back(of(change, setting.fresh ? static_cast<std::uint64_t>(seed) * n : 0));
  }
  return seed_spread(seeds);
}

ItemMean without_items(double value) { return {value, {}, 0.0}; }

// Three arms of two seeds: distances from the cell's mean are 1, 0, -1 and -1, 1, 0, so the arms' sums of squares over
// their seeds are 2, 1/2, 1/2. That is 3 over (3 - 1)(2 - 1) degrees. It does not matter what the arms are compared
// with.
TEST(SeedMean, ArmsVaryAroundTheMeanOfTheirCell) {
  const std::vector<std::vector<double>> values = {{3.0, 10.0}, {2.0, 12.0}, {1.0, 11.0}};
  for (const std::size_t reference : {0U, 1U, 2U}) {
    std::vector<ArmSeeds> arms;
    for (const auto& arm : values) {
      SeedValues seeds;
      for (std::size_t seed = 0; seed < 2; ++seed) seeds.push_back(without_items(arm[seed] - values[reference][seed]));
      arms.push_back({seeds});
    }
    const auto variance = variance_of_arms(arms);
    EXPECT_NEAR(variance.between, 1.5, 1e-12);
    EXPECT_EQ(variance.degrees, 2.0);
  }
}

// Seven methods against an eighth, two seeds, nothing differs. The differences share the eighth's cells: pooled as if
// they did not, 7.5 % are shown.
TEST(SeedMean, ComparisonsWithOneArmKeepTheirLevel) {
  constexpr int plans = 4000;
  constexpr std::size_t methods = 7;
  std::vector<int> shown(plans);
  tbb::parallel_for(0, plans, [&](int plan) {
    Normals draws(static_cast<std::uint64_t>(plan) + 5000);
    std::vector<ArmSeeds> arms(methods + 1);
    std::vector<double> eighth;
    for (int seed = 0; seed < 2; ++seed) eighth.push_back(draws.next());
    for (std::size_t arm = 0; arm <= methods; ++arm) {
      auto& seeds = arms[arm].emplace_back();
      for (const double value : eighth) seeds.push_back(without_items(arm == methods ? 0.0 : draws.next() - value));
    }
    auto variance = variance_of_arms(arms);
    variance.between *= 2.0;
    for (std::size_t arm = 0; arm < methods; ++arm) {
      shown[static_cast<std::size_t>(plan)] += over_seeds(seed_spread(arms[arm]), variance).p_value < 0.05 ? 1 : 0;
    }
  });
  double sum = 0.0;
  for (const int count : shown) sum += count;
  EXPECT_NEAR(sum / (plans * static_cast<double>(methods)), 0.05, 0.005);
}

class Coverage : public ::testing::TestWithParam<Setting> {};

// Plans of eight comparisons without a true difference: the 95 % intervals leave out 0 in 3 to 7 % of them.
TEST_P(Coverage, IsAsStated) {
  constexpr int plans = 300;
  constexpr int comparisons = 8;
  std::vector<int> covered(plans);
  tbb::parallel_for(0, plans, [&](int plan) {
    Normals draws(static_cast<std::uint64_t>(plan) + 1000);
    std::vector<SeedSpread> all;
    for (int at = 0; at < comparisons; ++at) all.push_back(comparison(GetParam(), draws));
    const auto variance = pooled_variance(all);
    for (const auto& spread : all) {
      const auto mean = over_seeds(spread, variance);
      covered[static_cast<std::size_t>(plan)] += mean.interval.low <= 0.0 && mean.interval.high >= 0.0 ? 1 : 0;
    }
  });
  double sum = 0.0;
  for (const int count : covered) sum += count;
  EXPECT_NEAR(sum / (plans * comparisons), 0.95, 0.02);
}

INSTANTIATE_TEST_SUITE_P(SeedMean, Coverage,
                         ::testing::Values(Setting{2, 100, 0, 0.2, false}, Setting{2, 250, 3, 0.7, false},
                                           Setting{3, 100, 1, 0.2, false}, Setting{3, 250, 1, 0.7, false},
                                           Setting{3, 250, 3, 0.2, false}, Setting{3, 250, 2, 0.2, true},
                                           Setting{5, 100, 3, 0.7, false}, Setting{5, 250, 1, 0.2, true},
                                           Setting{10, 100, 1, 0.5, false}));

}  // namespace
}  // namespace touchstone
