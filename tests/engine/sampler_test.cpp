#include "harness/engine/sampler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "harness/base/error.hpp"

namespace touchstone {
namespace {

using ::testing::ElementsAre;

constexpr int draws = 200'000;
constexpr float minus_infinity = -std::numeric_limits<float>::infinity();

Generation drawing(double temperature, int top_k = 0, double top_p = 1.0) {
  return {.context = "", .temperature = temperature, .top_p = top_p, .top_k = top_k, .seed = 7};
}

std::vector<int> counts_of(const Generation& request, const std::vector<float>& logits) {
  Sampler sampler(request, 0);
  std::vector<int> counts(logits.size(), 0);
  for (int i = 0; i < draws; ++i) ++counts[static_cast<std::size_t>(sampler.choose(logits).token)];
  return counts;
}

std::set<std::size_t> drawn(const std::vector<int>& counts) {
  std::set<std::size_t> ids;
  for (std::size_t id = 0; id < counts.size(); ++id) {
    if (counts[id] > 0) ids.insert(id);
  }
  return ids;
}

/// Each token as often as its probability says, to five standard deviations; those of probability 0 never.
void expect_drawn(const Generation& request, const std::vector<float>& logits, const std::vector<double>& wanted) {
  const auto counts = counts_of(request, logits);
  for (std::size_t id = 0; id < wanted.size(); ++id) {
    const double p = wanted[id];
    EXPECT_NEAR(counts[id], draws * p, 5 * std::sqrt(draws * p * (1 - p))) << "token " << id;
    EXPECT_EQ(counts[id] > 0, p > 0) << "token " << id;
  }
}

/// Logits of these probabilities: a constant above their logarithms, which softmax takes away.
std::vector<float> logits_of(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p) + 3.0));
  return logits;
}

const std::vector<double> uneven = {0.1, 0.4, 0.05, 0.3, 0.15};

TEST(Sampler, DrawsInProportion) { expect_drawn(drawing(1.0), logits_of(uneven), uneven); }

// p^(1/2) and p^2, normalised: square roots of 1, 4 and 9 parts are 1, 2 and 3; their squares 1, 16 and 81.
TEST(Sampler, TemperatureIsAPower) {
  const auto logits = logits_of({1.0 / 14, 4.0 / 14, 9.0 / 14});
  expect_drawn(drawing(2.0), logits, {1.0 / 6, 2.0 / 6, 3.0 / 6});
  expect_drawn(drawing(0.5), logits, {1.0 / 98, 16.0 / 98, 81.0 / 98});
  expect_drawn(drawing(1e-4), logits, {0, 0, 1});
  expect_drawn(drawing(1e4), logits, {1.0 / 3, 1.0 / 3, 1.0 / 3});
}

TEST(Sampler, TopKKeepsTheLikeliest) {
  const auto logits = logits_of(uneven);
  expect_drawn(drawing(1.0, 1), logits, {0, 1, 0, 0, 0});
  expect_drawn(drawing(1.0, 2), logits, {0, 0.4 / 0.7, 0, 0.3 / 0.7, 0});
  expect_drawn(drawing(1.0, 4), logits, {0.1 / 0.95, 0.4 / 0.95, 0, 0.3 / 0.95, 0.15 / 0.95});
  expect_drawn(drawing(1.0, 5), logits, uneven);
  expect_drawn(drawing(1.0, 500), logits, uneven);
}

TEST(Sampler, OfEquallyLikelyTokensTheLowestIdsAreKept) {
  const std::vector<float> logits = {1, 2, 2, 1, 2, 1};
  expect_drawn(drawing(1.0, 2), logits, {0, 0.5, 0.5, 0, 0, 0});
  const double low = std::exp(-1.0) / (3 + std::exp(-1.0));
  expect_drawn(drawing(1.0, 4), logits, {low, (1 - low) / 3, (1 - low) / 3, 0, (1 - low) / 3, 0});
  EXPECT_EQ(Sampler(drawing(0.0), 0).choose(logits).token, 1);
}

// With equal logits every sum is exact, and so is the place where top_p is reached.
TEST(Sampler, TopPIsReachedExactlyAtItsBorder) {
  const std::vector<float> logits(8, -2.5F);
  const auto kept = [&](double top_p) { return drawn(counts_of(drawing(1.0, 0, top_p), logits)).size(); };
  EXPECT_EQ(kept(0.0), 1U);
  EXPECT_EQ(kept(1e-9), 1U);
  EXPECT_EQ(kept(0.125), 1U);
  EXPECT_EQ(kept(std::nextafter(0.125, 1.0)), 2U);
  EXPECT_EQ(kept(0.5), 4U);
  EXPECT_EQ(kept(0.501), 5U);
  EXPECT_EQ(kept(0.875), 7U);
  EXPECT_EQ(kept(std::nextafter(1.0, 0.0)), 8U);
  EXPECT_EQ(kept(1.0), 8U);
  EXPECT_THAT(drawn(counts_of(drawing(1.0, 0, 0.25), logits)), ElementsAre(0U, 1U));
}

TEST(Sampler, TopPKeepsTheSmallestSetThatReachesIt) {
  const auto logits = logits_of(uneven);  // 0.4, 0.7, 0.85, 0.95, 1
  expect_drawn(drawing(1.0, 0, 0.39), logits, {0, 1, 0, 0, 0});
  expect_drawn(drawing(1.0, 0, 0.41), logits, {0, 0.4 / 0.7, 0, 0.3 / 0.7, 0});
  expect_drawn(drawing(1.0, 0, 0.84), logits, {0, 0.4 / 0.85, 0, 0.3 / 0.85, 0.15 / 0.85});
  expect_drawn(drawing(1.0, 0, 0.96), logits, uneven);
}

// Of the two likeliest, 4/7 and 3/7, one reaches 0.5 and both are needed for 0.6; of all five, 0.6 needs two as well
// but 0.5 needs two where it needs one here.
TEST(Sampler, TopPCountsWhatTopKLeft) {
  const auto logits = logits_of(uneven);
  expect_drawn(drawing(1.0, 2, 0.5), logits, {0, 1, 0, 0, 0});
  expect_drawn(drawing(1.0, 2, 0.6), logits, {0, 0.4 / 0.7, 0, 0.3 / 0.7, 0});
  expect_drawn(drawing(1.0, 0, 0.5), logits, {0, 0.4 / 0.7, 0, 0.3 / 0.7, 0});
}

// At temperature 2 the probabilities 1/14, 4/14, 9/14 are 1/6, 2/6, 3/6: the set is that of the changed ones.
TEST(Sampler, TopPFollowsTheTemperature) {
  const auto logits = logits_of({1.0 / 14, 4.0 / 14, 9.0 / 14});
  expect_drawn(drawing(1.0, 0, 0.6), logits, {0, 0, 1});
  expect_drawn(drawing(2.0, 0, 0.6), logits, {0, 2.0 / 5, 3.0 / 5});
}

TEST(Sampler, ImpossibleTokensAreNeverDrawn) {
  const std::vector<float> logits = {minus_infinity, 1.0F, minus_infinity, 1.0F, minus_infinity};
  expect_drawn(drawing(1.0), logits, {0, 0.5, 0, 0.5, 0});
  expect_drawn(drawing(1.0, 4), logits, {0, 0.5, 0, 0.5, 0});
  expect_drawn(drawing(1.0, 0, 0.999), logits, {0, 0.5, 0, 0.5, 0});
  // So little that it is nothing beside the first.
  expect_drawn(drawing(1.0), {0.0F, -2000.0F}, {1, 0});
}

// The probability that is told is that of the whole vocabulary at this temperature, whatever top_k and top_p leave.
TEST(Sampler, TellsTheProbabilityOfTheWholeVocabulary) {
  const auto logits = logits_of({1.0 / 14, 4.0 / 14, 9.0 / 14});
  const std::vector<double> warm = {1.0 / 6, 2.0 / 6, 3.0 / 6};
  for (const auto& request : {drawing(2.0), drawing(2.0, 2), drawing(2.0, 0, 0.6)}) {
    Sampler sampler(request, 0);
    for (int i = 0; i < 100; ++i) {
      const auto choice = sampler.choose(logits);
      EXPECT_NEAR(choice.logp_nats, std::log(warm[static_cast<std::size_t>(choice.token)]), 1e-6);
    }
  }
  Sampler greedy(drawing(0.0, 1, 0.1), 0);
  EXPECT_TRUE(greedy.greedy());
  const auto choice = greedy.choose(logits);
  EXPECT_EQ(choice.token, 2);
  EXPECT_NEAR(choice.logp_nats, std::log(9.0 / 14), 1e-6);
}

TEST(Sampler, DrawsFollowFromSeedAndNumberAlone) {
  const std::vector<float> logits(100, 0.0F);
  const auto first = [&](std::uint64_t seed, int sample) {
    auto request = drawing(1.0);
    request.seed = seed;
    Sampler sampler(request, sample);
    std::vector<std::int32_t> tokens;
    for (int i = 0; i < 20; ++i) tokens.push_back(sampler.choose(logits).token);
    return tokens;
  };
  EXPECT_EQ(first(1, 0), first(1, 0));
  EXPECT_NE(first(1, 0), first(1, 1));
  EXPECT_NE(first(1, 0), first(2, 0));
}

TEST(Sampler, RefusesWhatIsNoNumber) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const auto& logits : std::vector<std::vector<float>>{
           {nan, 1.0F}, {1.0F, nan}, {1.0F, -minus_infinity}, {minus_infinity, minus_infinity}}) {
    for (const double temperature : {0.0, 1.0}) {
      Sampler sampler(drawing(temperature), 0);
      EXPECT_THROW(sampler.choose(logits), Error);
    }
  }
}

}  // namespace
}  // namespace touchstone
