#include "harness/compare/drop.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/measure/results.hpp"

namespace touchstone {
namespace {

using namespace touchstone::testing;  // NOLINT(google-build-using-namespace): the fixture's builders
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using DropTest = ResultsTest;

// gsm8k rises from 2 to 8 of 10 and was trained on. Of the others, toy falls from 30 to 20 of 40 (ten items lost, none
// gained: McNemar 2/2^10), quiz stays at 5 of 10 with one item lost and one gained.
TEST_F(DropTest, ByHand) {
  const auto tuned = add_model("tuned");
  const auto cell = add_cell("sft", "gsm8k", 1, tuned);
  measure(base_, 0, "gsm8k", 10, below(2));
  measure(base_, 0, "toy", 40, below(30));
  measure(base_, 0, "quiz", 10, below(5));
  measure(tuned, cell, "gsm8k", 10, below(8));
  measure(tuned, cell, "toy", 40, below(20));
  measure(tuned, cell, "quiz", 10, [](int number) { return number >= 1 && number < 6; });
  const auto changes = cell_changes(store_, run_);
  ASSERT_EQ(changes.size(), 1U);
  const auto& change = changes[0];
  ASSERT_EQ(change.tasks.size(), 3U);
  EXPECT_TRUE(change.tasks[0].trained_on);
  EXPECT_NEAR(change.gain, 0.6, 1e-15);
  const auto& toy = change.tasks[1];
  EXPECT_EQ(toy.before, 0.75);
  EXPECT_EQ(toy.after, 0.5);
  EXPECT_EQ(toy.chance, 0.5);
  EXPECT_EQ(toy.drop, 0.25);
  EXPECT_EQ(toy.paired.lost, 10);
  EXPECT_EQ(toy.paired.gained, 0);
  EXPECT_DOUBLE_EQ(toy.paired.p_value, 2.0 / 1024);
  EXPECT_DOUBLE_EQ(toy.p_holm, 4.0 / 1024);  // two benchmarks that were not trained on
  EXPECT_NEAR(toy.paired.stderror, std::sqrt(0.25 * 0.75 / 39), 1e-15);
  EXPECT_EQ(change.tasks[2].drop, 0.0);
  EXPECT_EQ(change.tasks[2].p_holm, 1.0);
  EXPECT_NEAR(change.mean_drop, 0.125, 1e-15);
  EXPECT_EQ(change.worst_drop, 0.25);
  EXPECT_EQ(change.worst_task, "toy");
  EXPECT_EQ(change.significant_drops, 1);
  const double error = std::hypot(toy.paired.stderror, change.tasks[2].paired.stderror) / 2;
  EXPECT_NEAR(change.mean_drop_stderror, error, 1e-15);
  EXPECT_LT(change.mean_drop_interval.low, 0.125 - 1.96 * error);  // ten items: Student's t
}

TEST_F(DropTest, LeavesOfABenchmarkArePooledByItems) {
  const auto tuned = add_model("tuned");
  const auto cell = add_cell("sft", "gsm8k", 1, tuned);
  measure(base_, 0, "mmlu_anatomy", 10, below(5), "mmlu");
  measure(base_, 0, "mmlu_astronomy", 30, below(30), "mmlu");
  measure(tuned, cell, "mmlu_anatomy", 10, below(4), "mmlu");
  measure(tuned, cell, "mmlu_astronomy", 30, below(28), "mmlu");
  const auto tasks = cell_changes(store_).at(0).tasks;
  ASSERT_EQ(tasks.size(), 1U);
  EXPECT_EQ(tasks[0].task, "mmlu");
  EXPECT_DOUBLE_EQ(tasks[0].before, 35.0 / 40);
  EXPECT_DOUBLE_EQ(tasks[0].after, 32.0 / 40);
  EXPECT_EQ(tasks[0].paired.items, 40);
  EXPECT_EQ(tasks[0].paired.lost, 3);
  EXPECT_EQ(tasks[0].paired.clusters, 0);  // two leaves are strata
  EXPECT_EQ(tasks[0].before_measures.size(), 2U);
}

TEST_F(DropTest, TenLeavesAreClusters) {
  const auto tuned = add_model("tuned");
  const auto cell = add_cell("sft", "gsm8k", 1, tuned);
  for (int subject = 0; subject < 10; ++subject) {
    const auto name = "mmlu_" + std::to_string(subject);
    measure(base_, 0, name, 4, below(3), "mmlu");
    measure(tuned, cell, name, 4, below(subject % 3), "mmlu");
  }
  const auto paired = cell_changes(store_).at(0).tasks.at(0).paired;
  EXPECT_EQ(paired.clusters, 10);
  EXPECT_EQ(paired.degrees, 9);
}

TEST_F(DropTest, TrainingOnOneTaskTrainsItsFamily) {
  EXPECT_TRUE(same_family("truthfulqa_mc1", "truthfulqa_gen"));
  EXPECT_TRUE(same_family("mmlu", "mmlu_anatomy"));
  EXPECT_TRUE(same_family("gsm8k_cot", "gsm8k"));
  EXPECT_FALSE(same_family("gsm8k", "mmlu"));
  EXPECT_FALSE(same_family("micro-gsm8k", "gsm8k"));
  EXPECT_TRUE(same_family("micro-mmlu-ood", "micro-mmlu-geography"));
  EXPECT_FALSE(same_family("micro-mmlu", "micro-gsm8k"));
}

// Two measures of the same questions do not make the mean drop twice as certain.
TEST_F(DropTest, MeasuresOfOneFamilyMoveTogether) {
  const auto tuned = add_model("tuned");
  const auto cell = add_cell("sft", "gsm8k", 1, tuned);
  for (const char* task : {"truthfulqa_mc1", "truthfulqa_mc2"}) {
    measure(base_, 0, task, 40, below(30));
    measure(tuned, cell, task, 40, below(20));
  }
  const auto change = cell_changes(store_).at(0);
  EXPECT_NEAR(change.mean_drop_stderror, change.tasks[0].paired.stderror, 1e-15);
}

TEST_F(DropTest, OnlyEqualSettingsAreCompared) {
  const auto tuned = add_model("tuned");
  const auto cell = add_cell("sft", "gsm8k", 1, tuned);
  measure(base_, 0, "toy", 10, below(5));
  settings_.shots = 5;
  measure(tuned, cell, "toy", 10, below(5));
  const auto change = cell_changes(store_).at(0);
  EXPECT_TRUE(change.tasks.empty());
  EXPECT_TRUE(std::isnan(change.mean_drop));
  ASSERT_EQ(change.notes.size(), 1U);
  EXPECT_THAT(change.notes[0], HasSubstr("toy: measured before and after with different settings"));
}

TEST_F(DropTest, ItemsAskedInOtherWordsAreLeftOut) {
  const auto tuned = add_model("tuned");
  const auto cell = add_cell("sft", "gsm8k", 1, tuned);
  measure(base_, 0, "toy", 4, below(2));
  auto after = task_measure("toy", 4, below(4));
  after.samples[3].prompt_hash = "another prompt";
  const auto id = store_.add_measure("after", tuned, environment_, after, settings_, engine(), 0.5);
  store_.link_measure(run_, cell, id);
  const auto task = cell_changes(store_, run_).at(0).tasks.at(0);
  EXPECT_EQ(task.left_out, 1);
  EXPECT_EQ(task.paired.items, 3);
  EXPECT_EQ(task.paired.gained, 1);
}

TEST_F(DropTest, ARunComparesOnlyWhatItAskedFor) {
  const auto tuned = add_model("tuned");
  const auto cell = add_cell("sft", "gsm8k", 1, tuned);
  measure(base_, 0, "toy", 10, below(5));
  measure(tuned, cell, "toy", 10, below(4));
  const auto other = store_.begin_run({}, environment_);
  store_.link_cell(other, cell);
  EXPECT_EQ(cell_changes(store_, run_).at(0).tasks.size(), 1U);
  EXPECT_EQ(cell_changes(store_, other).at(0).tasks.size(), 0U);
  EXPECT_EQ(cell_changes(store_).at(0).tasks.size(), 1U);
}

TEST_F(DropTest, CalibrationIsComparedOnTheSameItems) {
  const auto tuned = add_model("tuned");
  const auto cell = add_cell("sft", "gsm8k", 1, tuned);
  measure(base_, 0, "toy", 40, below(30));
  measure(tuned, cell, "toy", 40, below(10));
  const auto task = cell_changes(store_).at(0).tasks.at(0);
  EXPECT_NEAR(task.calibration_before.ece, 0.0, 1e-12);  // 0.75 sure, 30 of 40 right
  EXPECT_NEAR(task.calibration_after.ece, 0.5, 1e-12);
  EXPECT_NEAR(task.calibration.ece, 0.5, 1e-12);
  EXPECT_TRUE(task.calibration.ece_shown);
  EXPECT_EQ(cell_changes(store_).at(0).tasks.at(0).calibration.ece_change.interval.low,
            task.calibration.ece_change.interval.low);
}

// Three seeds that drop by 0.1, 0.2 and 0.3: mean 0.2, sd 0.1.
TEST_F(DropTest, SeedsAreALevelOfTheirOwn) {
  measure(base_, 0, "toy", 40, below(30));
  for (const int seed : {3, 1, 2}) {
    const auto tuned = add_model("seed " + std::to_string(seed));
    const auto cell = add_cell("sft", "gsm8k", static_cast<std::uint64_t>(seed), tuned);
    measure(tuned, cell, "toy", 40, below(30 - 4 * seed));
  }
  const auto changes = cell_changes(store_);
  const auto summaries = seed_summaries(changes);
  ASSERT_EQ(summaries.size(), 1U);
  const auto& summary = summaries[0];
  EXPECT_THAT(summary.cells, ElementsAre(changes[1].cell.id, changes[2].cell.id, changes[0].cell.id));
  EXPECT_NEAR(summary.mean_drop.mean, 0.2, 1e-15);
  EXPECT_NEAR(summary.mean_drop.between_sd, 0.1, 1e-15);
  ASSERT_EQ(summary.tasks.size(), 1U);
  EXPECT_NEAR(summary.tasks[0].change.mean, -0.2, 1e-15);
  EXPECT_NEAR(summary.worst_drop, 0.2, 1e-15);
  EXPECT_EQ(summary.worst_task, "toy");
  double items = 0.0;
  for (const auto& change : changes) items += change.tasks[0].paired.stderror / 3;
  EXPECT_NEAR(summary.mean_drop.item_stderror, items, 1e-15);
  const double between = 0.1 / std::sqrt(3.0);
  const double error = std::hypot(between, items);
  const double degrees = std::pow(error, 4) / (std::pow(between, 4) / 2);
  EXPECT_NEAR(summary.mean_drop.interval.high, 0.2 + student_t_quantile(0.975, degrees) * error, 1e-12);
}

TEST_F(DropTest, OneSeedHasNoSpread) {
  measure(base_, 0, "toy", 40, below(30));
  const auto tuned = add_model("tuned");
  const auto cell = add_cell("sft", "gsm8k", 1, tuned);
  measure(tuned, cell, "toy", 40, below(20));
  const auto changes = cell_changes(store_);
  const auto summary = seed_summaries(changes).at(0);
  EXPECT_TRUE(std::isnan(summary.mean_drop.between_sd));
  EXPECT_DOUBLE_EQ(summary.mean_drop.interval.low, changes[0].mean_drop_interval.low);
}

TEST_F(DropTest, ModelsAreComparedByAnotherMetric) {
  const auto tuned = add_model("tuned");
  const auto second_metric = [&](std::int64_t model, int right) {
    auto made = task_measure("toy", 10, below(5));
    made.scores.push_back({"acc,flexible", right / 10.0, 0.1, true, 0.0});
    for (int item = 0; item < 10; ++item) {
      made.samples[static_cast<std::size_t>(item)].verdict.values["acc,flexible"] = item < right ? 1.0 : 0.0;
    }
    store_.add_measure("toy of " + std::to_string(model), model, environment_, made, settings_, engine(), 0.5);
  };
  second_metric(base_, 9);
  second_metric(tuned, 6);
  EXPECT_EQ(compare_models(store_, {base_}, {tuned}).at(0).drop, 0.0);
  const auto change = compare_models(store_, {base_}, {tuned}, "acc,flexible").at(0);
  EXPECT_EQ(change.metric, "acc,flexible");
  EXPECT_NEAR(change.drop, 0.3, 1e-15);
  EXPECT_TRUE(compare_models(store_, {base_}, {tuned}, "no such metric").empty());
}

TEST(ChanceCorrected, ByHand) {
  EXPECT_DOUBLE_EQ(chance_corrected(0.25, 0.25), 0.0);
  EXPECT_DOUBLE_EQ(chance_corrected(1.0, 0.25), 1.0);
  EXPECT_DOUBLE_EQ(chance_corrected(0.4, 0.25), 0.2);
}

}  // namespace
}  // namespace touchstone
