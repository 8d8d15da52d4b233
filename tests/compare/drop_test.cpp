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
  EXPECT_DOUBLE_EQ(toy.paired.p_value, 1.0 / 1024);
  EXPECT_DOUBLE_EQ(toy.p_holm, 2.0 / 1024);  // two benchmarks that were not trained on
  EXPECT_NEAR(toy.paired.stderror, std::sqrt(0.25 * 0.75 / 39), 1e-15);
  EXPECT_EQ(change.tasks[2].drop, 0.0);
  EXPECT_EQ(change.tasks[2].p_holm, 1.0);
  EXPECT_NEAR(change.mean_drop, 0.125, 1e-15);
  EXPECT_EQ(change.worst_drop, 0.25);
  EXPECT_EQ(change.worst_task, "toy");
  EXPECT_EQ(change.significant_drops, 1);
  const double error = std::hypot(toy.paired.planning_error, change.tasks[2].paired.planning_error) / 2;
  EXPECT_NEAR(std::sqrt(item_variance(change.drop)), error, 1e-15);
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

// The subjects are all that the benchmark has: what differs between them is no error.
TEST_F(DropTest, LeavesAreStrata) {
  const auto tuned = add_model("tuned");
  const auto cell = add_cell("sft", "gsm8k", 1, tuned);
  for (int subject = 0; subject < 10; ++subject) {
    const auto name = "mmlu_" + std::to_string(subject);
    measure(base_, 0, name, 4, below(4), "mmlu");
    measure(tuned, cell, name, 4, below(subject < 5 ? 4 : 0), "mmlu");
  }
  const auto paired = cell_changes(store_).at(0).tasks.at(0).paired;
  EXPECT_EQ(paired.clusters, 0);
  EXPECT_NEAR(paired.difference, -0.5, 1e-15);
  EXPECT_NEAR(paired.stderror, 1.0 / 42, 1e-15);  // no item differs from the others of its subject
}

TEST_F(DropTest, TrainingOnOneTaskTrainsItsFamily) {
  const auto tuned = add_model("tuned");
  const auto cell = add_cell("sft", "math_word", 1, tuned, "word problems");
  for (const auto& [task, family] : {std::pair{"math_word_hard", "word problems"}, std::pair{"math_hard", "proofs"}}) {
    family_ = family;
    measure(base_, 0, task, 40, below(30));
    measure(tuned, cell, task, 40, below(20));
  }
  const auto change = cell_changes(store_).at(0);
  EXPECT_TRUE(change.tasks[0].trained_on);
  EXPECT_FALSE(change.tasks[1].trained_on);  // equal first words say nothing
  EXPECT_NEAR(change.gain, -0.25, 1e-15);
  EXPECT_NEAR(change.mean_drop, 0.25, 1e-15);
}

// Two measures of the same questions do not make the mean drop twice as certain.
TEST_F(DropTest, MeasuresOfTheSameQuestionsMoveTogether) {
  const auto tuned = add_model("tuned");
  const auto cell = add_cell("sft", "gsm8k", 1, tuned);
  family_ = "truthfulqa";
  for (const char* task : {"truthfulqa_mc1", "truthfulqa_mc2"}) {
    measure(base_, 0, task, 40, below(30));
    measure(tuned, cell, task, 40, below(20));
  }
  const auto change = cell_changes(store_).at(0);
  EXPECT_NEAR(std::sqrt(item_variance(change.drop)), change.tasks[0].paired.stderror, 1e-15);
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
  EXPECT_NEAR(task.calibration.gap.value, 0.5, 1e-12);
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
  SeedValues values;
  for (const auto& change : changes) values.push_back(change.drop);
  const auto spread = seed_spread(values);
  const auto mean = over_seeds(spread, pooled_variance(std::span(&spread, 1)));
  EXPECT_NEAR(summary.mean_drop.item_stderror, std::sqrt(spread.items), 1e-15);
  EXPECT_NEAR(summary.mean_drop.interval.high, mean.interval.high, 1e-12);
}

// Of two methods one has seeds that agree by chance; the variance between seeds is that of both.
TEST_F(DropTest, TheSeedsVarianceIsPooledOverMethods) {
  measure(base_, 0, "toy", 40, below(30));
  for (const auto& [method, step] : {std::pair{"sft", 0}, std::pair{"dft", 8}}) {
    for (const int seed : {1, 2}) {
      const auto tuned = add_model(method + std::to_string(seed));
      const auto cell = add_cell(method, "gsm8k", static_cast<std::uint64_t>(seed), tuned);
      measure(tuned, cell, "toy", 40, below(28 - step * seed));
    }
  }
  const auto summaries = seed_summaries(cell_changes(store_));
  ASSERT_EQ(summaries.size(), 2U);
  EXPECT_EQ(summaries[0].mean_drop.between_sd, 0.0);
  EXPECT_GT(summaries[0].mean_drop.seed_sd, 0.0);
  EXPECT_EQ(summaries[0].mean_drop.seed_sd, summaries[1].mean_drop.seed_sd);
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

// Bits a byte rise from 0.315 to 0.339 on average: 0.024 worse. What the score says beside it (e to the log-likelihood
// a byte, of which more is better) is another number in another unit.
TEST_F(DropTest, ANumberOfWhichLessIsBetterDropsWhenItRises) {
  const auto tuned = add_model("tuned");
  const auto cell = add_cell("sft", "gsm8k", 1, tuned);
  measure_bits(base_, 0, "corpus", {0.30, 0.31, 0.32, 0.33});
  measure_bits(tuned, cell, "corpus", {0.32, 0.33, 0.35, 0.356});
  measure(base_, 0, "toy", 40, below(30));
  measure(tuned, cell, "toy", 40, below(20));
  const auto change = cell_changes(store_).at(0);
  const auto& corpus = change.tasks.at(0);
  EXPECT_EQ(corpus.metric, "bits_per_byte,none");
  EXPECT_FALSE(corpus.higher_is_better);
  EXPECT_NEAR(corpus.before, 0.315, 1e-12);
  EXPECT_NEAR(corpus.after, 0.339, 1e-12);
  EXPECT_NEAR(corpus.paired.difference, 0.024, 1e-12);
  EXPECT_NEAR(corpus.drop, 0.024, 1e-12);
  // Changes 0.02, 0.02, 0.03, 0.026: deviations -4, -4, 6, 2 thousandths, squares 72, over 3, over 4.
  EXPECT_NEAR(corpus.paired.stderror, std::sqrt(72e-6 / 3 / 4), 1e-12);
  EXPECT_EQ(corpus.paired.gained, 4);
  // Bits and points have no mean; what is left out of it is named.
  EXPECT_NEAR(change.mean_drop, 0.25, 1e-15);
  EXPECT_EQ(change.worst_task, "toy");
  EXPECT_THAT(change.notes, ElementsAre(HasSubstr("corpus: measured in bits/byte")));
}

TEST_F(DropTest, ARiseOfWhatShouldBeLowOnTheTrainedTaskIsNoGain) {
  const auto tuned = add_model("tuned");
  const auto cell = add_cell("sft", "corpus", 1, tuned);
  measure_bits(base_, 0, "corpus", {0.30, 0.31});
  measure_bits(tuned, cell, "corpus", {0.20, 0.22});
  const auto change = cell_changes(store_).at(0);
  EXPECT_TRUE(change.tasks.at(0).trained_on);
  EXPECT_NEAR(change.tasks.at(0).drop, -0.095, 1e-12);
  EXPECT_TRUE(std::isnan(change.gain));
}

// BLEU as sacrebleu prints it falls from 40 to 30 of 100: 10 points, as a share 0.1.
TEST_F(DropTest, AValueInPercentEntersMeansAsAShare) {
  const auto tuned = add_model("tuned");
  const auto cell = add_cell("sft", "gsm8k", 1, tuned);
  measure_values(base_, 0, "writing", {30, 50, 40}, {.name = "bleu_max,none", .unit = given_in_points()});
  measure_values(tuned, cell, "writing", {20, 40, 30}, {.name = "bleu_max,none", .unit = given_in_points()});
  const auto change = cell_changes(store_).at(0);
  EXPECT_NEAR(change.tasks.at(0).drop, 10.0, 1e-12);
  EXPECT_NEAR(change.mean_drop, 0.1, 1e-12);
  EXPECT_NEAR(change.worst_drop, 0.1, 1e-12);
}

// A corpus's BLEU belongs to no single item: what items have is their score, and that is compared.
TEST_F(DropTest, AMetricOfTheWholeIsComparedByTheItemsScores) {
  const auto tuned = add_model("tuned");
  const auto cell = add_cell("sft", "gsm8k", 1, tuned);
  for (const auto& [model, owner, right] : {std::tuple{base_, std::int64_t{0}, 30}, std::tuple{tuned, cell, 20}}) {
    auto made = task_measure("toy", 40, below(right));
    for (auto& sample : made.samples) sample.verdict.values.clear();
    made.scores = {{"corpus_bleu,none", 33.0, 1.0, true, 0.0, given_in_points()}};
    store_.link_measure(
        run_, owner,
        store_.add_measure("toy of " + std::to_string(model), model, environment_, made, {}, engine(), 0.5));
  }
  const auto task = cell_changes(store_).at(0).tasks.at(0);
  EXPECT_EQ(task.paired.items, 40);
  EXPECT_NEAR(task.before, 0.75, 1e-15);
  EXPECT_NEAR(task.drop, 0.25, 1e-15);
  EXPECT_EQ(task.unit.scale, 100.0);
}

}  // namespace
}  // namespace touchstone
