#include "trainers/loops/batches.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

using ::testing::ElementsAre;
using Groups = std::vector<std::vector<std::size_t>>;

std::vector<Row> rows_of(const std::vector<std::size_t>& lengths, std::size_t prompt = 1) {
  std::vector<Row> rows;
  for (const auto length : lengths) {
    Row row;
    for (std::size_t at = 0; at < length; ++at) row.ids.push_back(static_cast<std::int64_t>(10 * rows.size() + at));
    row.prompt_tokens = prompt;
    rows.push_back(std::move(row));
  }
  return rows;
}

TEST(Packing, BestFitDecreasing) {
  // Lengths 4, 8, 5, 11, 3, 2 in bins of 16: {11, 5}, {8, 4, 3}, {2}.
  EXPECT_EQ(pack_rows(rows_of({4, 8, 5, 11, 3, 2}), 16), (Groups{{3, 2}, {1, 0, 4}, {5}}));
}

TEST(Packing, ARowLongerThanTheBinStandsAlone) { EXPECT_EQ(pack_rows(rows_of({20, 3}), 16), (Groups{{0}, {1}})); }

TEST(MakeBatch, LaysRowsEndToEnd) {
  auto rows = rows_of({4, 3}, 2);
  const auto batch = make_batch(rows, {0, 1}, Normaliser::token_mean, at::kCPU);
  EXPECT_THAT(batch.inputs.starts, ElementsAre(0, 3, 5));  // without each row's last token, which predicts nothing
  EXPECT_TRUE(batch.inputs.tokens.equal(at::tensor({0, 1, 2, 10, 11}, at::kLong)));
  EXPECT_TRUE(batch.at.equal(at::tensor({1, 2, 4}, at::kLong)));
  EXPECT_TRUE(batch.labels.equal(at::tensor({2, 3, 12}, at::kLong)));
  EXPECT_FALSE(batch.weights.defined());
  EXPECT_EQ(batch.tokens, 7);
  EXPECT_EQ(batch.sequences, 2);
}

TEST(MakeBatch, SequenceMeanWeighsByLength) {
  auto rows = rows_of({4, 3}, 2);
  rows[0].facts.weights = {1.0F, 3.0F};
  const auto batch = make_batch(rows, {0, 1}, Normaliser::sequence_mean, at::kCPU);
  EXPECT_TRUE(batch.weights.equal(at::tensor({0.5F, 1.5F, 1.0F})));
  EXPECT_DOUBLE_EQ(batch.weight_sum, 5.0);
}

TEST(PlanSteps, CountsAsTransformersDoes) {
  const auto rows = rows_of(std::vector<std::size_t>(10, 4));
  StepSettings settings;
  settings.batch_size = 2;
  settings.accumulation = 2;
  settings.epochs = 2.0;
  const auto steps = plan_steps(rows, settings);
  ASSERT_EQ(steps.size(), 6U);  // ceil(5 / 2) an epoch
  EXPECT_EQ(steps[2].micro_batches.size(), 1U);
  EXPECT_EQ(steps[3].epoch, 1);
  settings.epochs = 0.5;
  EXPECT_EQ(plan_steps(rows, settings).size(), 2U);
  settings.max_steps = 7;
  EXPECT_EQ(plan_steps(rows, settings).size(), 7U);
}

TEST(PlanSteps, EveryRowOnceAnEpochInAnOrderOfItsOwn) {
  const auto rows = rows_of(std::vector<std::size_t>(50, 4));
  StepSettings settings;
  settings.epochs = 2.0;
  settings.batch_size = 50;
  const auto steps = plan_steps(rows, settings);
  ASSERT_EQ(steps.size(), 2U);
  for (const auto& step : steps) {
    const auto& all = step.micro_batches.front();
    EXPECT_EQ(std::set<std::size_t>(all.begin(), all.end()).size(), 50U);
  }
  EXPECT_NE(steps[0].micro_batches, steps[1].micro_batches);
  EXPECT_EQ(plan_steps(rows, settings)[1].micro_batches, steps[1].micro_batches);
  settings.seed = 1;
  EXPECT_NE(plan_steps(rows, settings)[0].micro_batches, steps[0].micro_batches);
}

TEST(PlanSteps, ByTokens) {
  StepSettings settings;
  settings.batch_tokens = 10;
  settings.shuffle = false;
  settings.epochs = 1.0;
  const auto steps = plan_steps(rows_of({4, 5, 2, 12, 3}), settings);
  ASSERT_EQ(steps.size(), 4U);
  EXPECT_EQ(steps[0].micro_batches, (Groups{{0, 1}}));
  EXPECT_EQ(steps[2].micro_batches, (Groups{{3}}));  // longer than the budget, alone
}

TEST(PlanSteps, NothingToTrainOnIsAnError) { EXPECT_THROW(plan_steps({}, {}), Error); }

}  // namespace
}  // namespace touchstone
