#include "harness/compare/gate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "harness/base/error.hpp"
#include "tests/store/fixture.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

using namespace touchstone::testing;  // NOLINT(google-build-using-namespace): the fixture's builders
using ::testing::ElementsAre;
using ::testing::HasSubstr;

auto below(int limit) {
  return [limit](int number) { return number < limit; };
}

std::string fmt_points(double share) { return std::to_string(share * 100.0); }

class GateTest : public ::testing::Test {
 protected:
  template <class Right>
  void measure(std::int64_t model, const std::string& task, int items, const Right& right) {
    store_.add_measure(task + " of " + std::to_string(model), model, environment_, task_measure(task, items, right), {},
                       engine(), 0.5);
  }

  GateResult judge(const std::string& max_drop) {
    GateOptions options;
    add_max_drop(options, max_drop);
    return gate(store_, {base_}, {tuned_}, options);
  }

  std::string refusal(const GateOptions& options) {
    try {
      gate(store_, {base_}, {tuned_}, options);
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::config);
      return error.what();
    }
    return "";
  }

  TemporaryFolder folder_;
  Store store_{folder_.path() / "results.sqlite"};
  std::int64_t environment_ = store_.environment(environment());
  std::int64_t base_ = store_.model(model_row("0a1b2c3d4e", "base"));
  std::int64_t tuned_ = store_.model(model_row("9f8e7d6c5b", "tuned"));
};

// No item of 1000 changed: the drop's bound is z^2 / (n + z^2) = 0.27 points with 95 % confidence.
TEST_F(GateTest, PassesWhenTheBoundLiesWithinTheMargin) {
  measure(base_, "toy", 1000, below(600));
  measure(tuned_, "toy", 1000, below(600));
  const auto result = judge("toy=0.5");
  ASSERT_EQ(result.tasks.size(), 1U);
  EXPECT_EQ(result.verdict, GateVerdict::pass);
  EXPECT_EQ(result.exit_code(), 0);
  EXPECT_NEAR(result.tasks[0].at_most, 2.7055434540954146 / 1002.7055434540954, 1e-12);
  EXPECT_THAT(gate_table(result), HasSubstr("toy: drop 0.0 points, at most 0.3 with 95 % confidence: within the 0.5"));
}

// 20 passages of 50 questions, no answer changed: what 20 independent items tell, not 1000.
TEST_F(GateTest, UnchangedClustersAreAsManyItems) {
  for (const auto model : {base_, tuned_}) {
    auto made = task_measure("toy", 1000, below(600));
    for (std::size_t item = 0; item < 1000; ++item) made.samples[item].cluster = "passage " + std::to_string(item / 50);
    store_.add_measure("clusters of " + std::to_string(model), model, environment_, made, {}, engine(), 0.5);
  }
  const auto result = judge("toy=0.5");
  EXPECT_EQ(result.tasks[0].change.paired.clusters, 20);
  EXPECT_EQ(result.verdict, GateVerdict::undecided);
  const double t = student_t_quantile(0.95, 19);
  EXPECT_NEAR(result.tasks[0].at_most, t * t / (20 + t * t), 1e-9);
  EXPECT_GT(result.tasks[0].items_needed, 50 * 500);
}

// The same without a change among 100 items: 2.6 points cannot be excluded.
TEST_F(GateTest, IsUndecidedWhenTheSampleIsTooSmall) {
  measure(base_, "toy", 100, below(60));
  measure(tuned_, "toy", 100, below(60));
  const auto result = judge("toy=0.5");
  EXPECT_EQ(result.verdict, GateVerdict::undecided);
  EXPECT_EQ(result.exit_code(), 3);
  // A margin that needs as many items as there are is the one that they can show.
  EXPECT_NEAR(judge("toy=2.5").tasks[0].detectable, result.tasks[0].detectable, 1e-12);
  const auto points = fmt_points(result.tasks[0].detectable);
  EXPECT_NEAR(static_cast<double>(judge("toy=" + points).tasks[0].items_needed), 100, 1.0);
  EXPECT_THAT(gate_table(result), HasSubstr("100 items cannot tell whether it is within 0.5"));
  EXPECT_THAT(gate_table(result), HasSubstr("a margin of 0.5 needs about 2,756 items"));
  EXPECT_THAT(gate_table(result), HasSubstr("cannot be decided"));
}

TEST_F(GateTest, RegressesWhenTheDropIsShownToExceedTheMargin) {
  measure(base_, "toy", 200, below(150));
  measure(tuned_, "toy", 200, below(110));
  const auto result = judge("toy=5");
  EXPECT_EQ(result.verdict, GateVerdict::regressed);
  EXPECT_EQ(result.exit_code(), 1);
  EXPECT_NEAR(result.tasks[0].change.drop, 0.2, 1e-12);
  EXPECT_GT(result.tasks[0].at_least, 0.05);
  EXPECT_THAT(gate_table(result), HasSubstr("toy: drop 20.0 points, more than the 5 allowed"));
}

TEST_F(GateTest, ADropBelowTheMarginThatIsNotShownIsUndecided) {
  measure(base_, "toy", 200, below(150));
  measure(tuned_, "toy", 200, below(147));
  EXPECT_EQ(judge("toy=2").verdict, GateVerdict::undecided);
  EXPECT_EQ(judge("toy=5").verdict, GateVerdict::pass);
}

TEST_F(GateTest, AMarginOfNothingIsKeptByAnImprovementAlone) {
  measure(base_, "toy", 200, below(100));
  measure(tuned_, "toy", 200, below(100));
  measure(base_, "quiz", 200, below(100));
  measure(tuned_, "quiz", 200, below(130));
  EXPECT_EQ(judge("toy=0").verdict, GateVerdict::undecided);
  EXPECT_THAT(gate_table(judge("toy=0")), HasSubstr("kept by an improvement alone"));
  EXPECT_EQ(judge("quiz=0").verdict, GateVerdict::pass);
}

// One task passes, one is undecided, one regressed: the worst decides.
TEST_F(GateTest, TheWorstTaskDecides) {
  measure(base_, "large", 2000, below(1000));
  measure(tuned_, "large", 2000, below(1000));
  measure(base_, "small", 20, below(10));
  measure(tuned_, "small", 20, below(10));
  EXPECT_EQ(judge("large=1").verdict, GateVerdict::pass);
  EXPECT_EQ(judge("1").verdict, GateVerdict::undecided);
  EXPECT_EQ(judge("1").tasks.size(), 2U);
  measure(base_, "bad", 200, below(150));
  measure(tuned_, "bad", 200, below(100));
  const auto result = judge("1");
  EXPECT_EQ(result.verdict, GateVerdict::regressed);
  EXPECT_EQ(result.tasks[0].verdict, GateVerdict::pass);
  EXPECT_EQ(result.tasks[1].verdict, GateVerdict::undecided);
}

TEST_F(GateTest, SeveralTasksNeedStrongerEvidenceToRegress) {
  for (int task = 0; task < 8; ++task) {
    measure(base_, "toy" + std::to_string(task), 100, below(60));
    measure(tuned_, "toy" + std::to_string(task), 100, below(task == 0 ? 56 : 60));
  }
  EXPECT_EQ(judge("toy0=0.2").verdict, GateVerdict::regressed);
  EXPECT_EQ(judge("0.2").verdict, GateVerdict::undecided);  // p = 0.03 is 0.25 after Holm over eight
}

TEST_F(GateTest, ScoresThatAreNotZeroOrOneUseStudentsT) {
  const auto graded = [&](std::int64_t model, double shift) {
    auto made = task_measure("toy", 20, below(10));
    for (int item = 0; item < 20; ++item) {
      auto& verdict = made.samples[static_cast<std::size_t>(item)].verdict;
      verdict.score = verdict.values["acc,none"] = 0.5 + shift * (1.0 + 0.1 * (item % 3));
    }
    store_.add_measure("graded" + std::to_string(model), model, environment_, made, {}, engine(), 0.5);
  };
  graded(base_, 0.0);
  graded(tuned_, -0.1);
  const auto result = judge("toy=5");
  EXPECT_FALSE(result.tasks[0].change.paired.binary);
  const double error = result.tasks[0].change.paired.stderror;
  EXPECT_NEAR(result.tasks[0].at_most, result.tasks[0].change.drop + student_t_quantile(0.95, 19) * error, 1e-12);
  EXPECT_EQ(result.verdict, GateVerdict::regressed);
}

TEST_F(GateTest, RefusesWhatCannotBeCompared) {
  EXPECT_THAT(refusal({}), HasSubstr("share no task"));
  measure(base_, "toy", 10, below(5));
  measure(tuned_, "toy", 10, below(5));
  GateOptions options;
  add_max_drop(options, "mmlu=1");
  EXPECT_THAT(refusal(options), HasSubstr("--max-drop mmlu"));
  EXPECT_THAT(refusal(options), HasSubstr("compared are toy"));
  options = {};
  options.metric = "bleu";
  EXPECT_THAT(refusal(options), HasSubstr("has the metric 'bleu'"));
}

TEST_F(GateTest, ComparesTheTasksAskedForAndRefusesOneThatWasNotMeasured) {
  for (const auto model : {base_, tuned_}) {
    measure(model, "toy", 1000, below(600));
    measure(model, "quiz", 20, below(10));
  }
  GateOptions options;
  options.tasks = {"toy"};
  options.every_task = true;
  const auto result = gate(store_, {base_}, {tuned_}, options);
  ASSERT_EQ(result.tasks.size(), 1U);
  EXPECT_EQ(result.tasks[0].margin, 0.01);
  EXPECT_EQ(result.verdict, GateVerdict::pass);
  options.tasks = {"toy", "maze"};
  EXPECT_THAT(refusal(options), HasSubstr("--tasks: baseline and candidate were not both measured on maze"));
}

TEST_F(GateTest, JudgesEveryTaskAskedForAndNamesThoseThatItDoesNot) {
  for (const auto model : {base_, tuned_}) {
    measure(model, "toy", 1000, below(600));
    measure(model, "quiz", 20, below(10));
  }
  const auto named = judge("toy=1");
  EXPECT_EQ(named.verdict, GateVerdict::pass);
  EXPECT_THAT(named.not_judged, ElementsAre("quiz"));
  EXPECT_THAT(gate_table(named), HasSubstr("not judged, since --max-drop gives them no margin: quiz"));
  GateOptions options;
  options.every_task = true;
  add_max_drop(options, "toy=1");
  EXPECT_EQ(gate(store_, {base_}, {tuned_}, options).verdict, GateVerdict::undecided);
}

// A database may hold an older, smaller sample of the same weights.
TEST_F(GateTest, ComparesOnlyTheMeasuresOfASide) {
  std::vector<std::int64_t> ids;
  for (const auto model : {base_, tuned_}) {
    ids.push_back(store_.add_measure("small" + std::to_string(model), model, environment_,
                                     task_measure("toy", 10, below(5)), {}, engine(), 0.5));
    measure(model, "quiz", 1000, below(600));
  }
  const auto result = gate(store_, {base_, {{ids[0]}}}, {tuned_, {{ids[1]}}}, {});
  ASSERT_EQ(result.tasks.size(), 1U);
  EXPECT_EQ(result.tasks[0].change.task, "toy");
}

TEST_F(GateTest, RefusesItemsThatWereAskedInOtherWords) {
  measure(base_, "toy", 10, below(5));
  auto other = task_measure("toy", 10, below(5));
  other.samples[0].prompt_hash = "other words";
  store_.add_measure("other", tuned_, environment_, other, {}, engine(), 0.5);
  EXPECT_THAT(refusal({}), HasSubstr("toy: 1 items were asked of one model only, or of both in different words"));
}

TEST(MaxDrop, ReadsMarginsAndRefusesTheRest) {
  GateOptions options;
  add_max_drop(options, "mmlu=0.5");
  add_max_drop(options, "2");
  EXPECT_EQ(options.max_drop.at("mmlu"), 0.5);
  EXPECT_EQ(options.default_max_drop, 2.0);
  for (const char* wrong : {"", "mmlu=", "=1", "mmlu=x", "mmlu=1x", "-1", "mmlu=101", "nan", "mmlu=inf"}) {
    EXPECT_THROW(add_max_drop(options, wrong), Error) << wrong;
  }
}

// Bits a byte of ten items rise by 0.02 to 0.03 each: worse, far beyond a margin of 0.01 and far within one of 0.1.
TEST_F(GateTest, ANumberOfWhichLessIsBetterRegressesWhenItRises) {
  const auto bits = [&](std::int64_t model, double rise) {
    auto made = task_measure("corpus", 10, below(0));
    for (int item = 0; item < 10; ++item) {
      auto& verdict = made.samples[static_cast<std::size_t>(item)].verdict;
      verdict.values = {{"bits_per_byte,none", 0.30 + 0.005 * item + (item % 2 == 0 ? rise : 1.5 * rise)}};
      verdict.score = std::exp2(-verdict.values.begin()->second);
    }
    made.scores = {{"bits_per_byte,none", 0.3225 + 1.25 * rise, 0.01, false, 0.0, {.scale = 1.0, .name = "bits/byte"}}};
    store_.add_measure("corpus of " + std::to_string(model), model, environment_, made, {}, engine(), 0.5);
  };
  bits(base_, 0.0);
  bits(tuned_, 0.02);
  const auto tight = judge("corpus=0.01");
  EXPECT_EQ(tight.verdict, GateVerdict::regressed);
  EXPECT_NEAR(tight.tasks.at(0).change.drop, 0.025, 1e-12);
  EXPECT_EQ(tight.tasks.at(0).margin, 0.01);
  EXPECT_THAT(gate_table(tight), HasSubstr("corpus: drop 0.0250 bits/byte, more than the 0.01 allowed"));
  EXPECT_EQ(judge("corpus=0.1").verdict, GateVerdict::pass);
  // One point is no margin for bits: alone nothing is judged, beside others it is named.
  GateOptions usual;
  EXPECT_THAT(refusal(usual), HasSubstr("--max-drop corpus=0.01"));
  measure(base_, "toy", 1000, below(600));
  measure(tuned_, "toy", 1000, below(600));
  const auto both = judge("1");
  EXPECT_EQ(both.tasks.size(), 1U);
  EXPECT_THAT(both.other_units, ElementsAre("corpus (bits/byte)"));
  EXPECT_THAT(gate_table(both), HasSubstr("not judged, since no margin in points fits them: corpus (bits/byte)"));
}

// BLEU in per cent falls by 10 of 100: ten points, not a thousand.
TEST_F(GateTest, AMarginInPointsIsInPointsOfAPercentageToo) {
  const auto bleu = [&](std::int64_t model, double value) {
    auto made = task_measure("writing", 40, below(0));
    for (std::size_t item = 0; item < 40; ++item) {
      made.samples[item].verdict.values = {{"bleu_max,none", value + (item % 2 == 0 ? 1.0 : -1.0) * value / 40}};
    }
    made.scores = {{"bleu_max,none", value, 0.5, true, 0.0, given_in_points()}};
    store_.add_measure("writing of " + std::to_string(model), model, environment_, made, {}, engine(), 0.5);
  };
  bleu(base_, 40.0);
  bleu(tuned_, 30.0);
  EXPECT_EQ(judge("writing=5").verdict, GateVerdict::regressed);
  EXPECT_EQ(judge("writing=15").verdict, GateVerdict::pass);
  EXPECT_THAT(gate_table(judge("writing=5")), HasSubstr("writing: drop 10.0 points, more than the 5 allowed"));
}

TEST_F(GateTest, OneModelOnBothSidesPassesAndIsNamed) {
  measure(base_, "toy", 20, below(10));
  GateOptions options;
  add_max_drop(options, "0.1");
  const auto result = gate(store_, {base_}, {base_}, options);
  EXPECT_TRUE(result.same_weights);
  EXPECT_EQ(result.verdict, GateVerdict::pass);
  EXPECT_EQ(result.exit_code(), 0);
  EXPECT_THAT(gate_table(result), HasSubstr("are the same weights"));
  EXPECT_THAT(gate_json(result), HasSubstr("\"same_weights\": true"));
}

TEST_F(GateTest, UndecidedIsASkippedTestCase) {
  measure(base_, "toy", 20, below(10));
  measure(tuned_, "toy", 20, below(10));
  const auto xml = gate_junit(judge("1"));
  EXPECT_THAT(xml, HasSubstr("errors=\"0\" skipped=\"1\""));
  EXPECT_THAT(xml, HasSubstr("<skipped message=\"undecided: drop 0.0 points"));
}

TEST_F(GateTest, JUnitIsEscaped) {
  measure(base_, "a<b>&\"c\"", 10, below(5));
  measure(tuned_, "a<b>&\"c\"", 10, below(1));
  const auto xml = gate_junit(judge("0"));
  EXPECT_THAT(xml, HasSubstr("name=\"a&lt;b&gt;&amp;&quot;c&quot;\""));
  EXPECT_THAT(xml, HasSubstr("<testsuites tests=\"1\" failures=\"1\" errors=\"0\""));
  EXPECT_THAT(xml, HasSubstr("<failure type=\"regressed\""));
}

TEST_F(GateTest, TextOfEachKindIsAsStored) {
  measure(base_, "large", 2000, below(1000));
  measure(tuned_, "large", 2000, below(1000));
  measure(base_, "small", 20, below(10));
  measure(tuned_, "small", 20, below(10));
  measure(base_, "bad", 200, below(150));
  measure(tuned_, "bad", 200, below(100));
  const auto result = judge("1");
  expect_snapshot("gate/table.txt", gate_table(result));
  expect_snapshot("gate/junit.xml", gate_junit(result));
  expect_snapshot("gate/gate.json", gate_json(result));
}

// 2000 candidates that did not drop, on the number of items that the gate asked for: 80 % of them pass; of those that
// dropped by the margin, at most 5 % pass.
TEST(GatePower, ItemsNeededAreEnoughAndTheMarginIsKept) {
  Resampler draw(99);
  const double margin = 0.02;
  const double share = 0.10;
  const double reach = normal_quantile(0.95) * std::sqrt(paired_score_variance(share / 2, share / 2, 1, -margin)) +
                       normal_quantile(0.8) * std::sqrt(share);
  const int items = static_cast<int>(std::ceil(reach * reach / (margin * margin)));
  const auto uniform = [&] { return static_cast<double>(draw.u64() >> 11U) * 0x1.0p-53; };
  const auto passes = [&](double drop) {
    double lost = 0.0;
    double gained = 0.0;
    for (int item = 0; item < items; ++item) {
      const double place = uniform();
      if (place < (share + drop) / 2.0) {
        lost += 1.0;
      } else if (place < share) {
        gained += 1.0;
      }
    }
    return normal_cdf(-paired_score(lost, gained, items, -margin)) < 0.05;
  };
  int good = 0;
  int bad = 0;
  constexpr int rounds = 1000;
  for (int round = 0; round < rounds; ++round) {
    good += passes(0.0) ? 1 : 0;
    bad += passes(margin) ? 1 : 0;
  }
  EXPECT_NEAR(good / static_cast<double>(rounds), 0.80, 0.04);
  EXPECT_NEAR(bad / static_cast<double>(rounds), 0.05, 0.02);
}

class FindModel : public GateTest {
 protected:
  std::int64_t add_cell(const std::string& run, const std::string& method, std::uint64_t seed) {
    const auto id = runs_.try_emplace(run, 0).first->second != 0 ? runs_[run] : runs_[run] = begin(run);
    auto row = cell_row(run + method + std::to_string(seed), base_);
    row.method = method;
    row.seed = seed;
    const auto cell = store_.begin_cell(id, row);
    row.state = CellState::done;
    row.result_model = store_.model(model_row("hash" + row.key, row.key));
    store_.finish_cell(cell, row);
    return row.result_model;
  }
  std::int64_t begin(const std::string& name) {
    RunRow row;
    row.name = name;
    return store_.begin_run(row, environment_);
  }
  std::string refused(const std::string& name) {
    try {
      find_model(store_, name);
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::config);
      return error.what();
    }
    return "";
  }
  std::map<std::string, std::int64_t> runs_;
};

TEST_F(FindModel, ByHashLabelAndRun) {
  EXPECT_EQ(find_model(store_, "0a1b2c").model, base_);
  EXPECT_EQ(find_model(store_, "9f8e7d6c5b").model, tuned_);
  EXPECT_EQ(find_model(store_, "tuned").model, tuned_);
  const auto single = add_cell("single", "sft", 1);
  EXPECT_EQ(find_model(store_, "single").model, single);
  EXPECT_EQ(find_model(store_, "run1").model, single);
  EXPECT_EQ(find_model(store_, "single:base").model, base_);
  const auto first = add_cell("plan", "sft", 1);
  const auto second = add_cell("plan", "asft", 2);
  EXPECT_EQ(find_model(store_, "plan:asft").model, second);
  EXPECT_EQ(find_model(store_, "plan:sft:1").model, first);
  EXPECT_EQ(find_model(store_, "plan:asft:gsm8k:2").model, second);
  // Of a run, what it asked for; of weights, all.
  EXPECT_TRUE(find_model(store_, "plan:asft").only);
  EXPECT_FALSE(find_model(store_, "tuned").only);
}

TEST_F(FindModel, SaysWhatThereIs) {
  add_cell("plan", "sft", 1);
  add_cell("plan", "sft", 2);
  EXPECT_THAT(refused("0a1b"), HasSubstr("'0a1b' names no model or run, expected one; there are base, tuned, "));
  EXPECT_THAT(
      refused("plan:sft"),
      HasSubstr("names 2 finished cell of the run, expected one; there are plan:base, plan:sft:gsm8k:1, plan:sft"));
  EXPECT_THAT(refused("plan"), HasSubstr("names 2 finished cell of the run"));
  EXPECT_THAT(refused("plan:dpo"), HasSubstr("names no finished cell of the run"));
  EXPECT_THAT(refused(""), HasSubstr("names no model or run"));
}

}  // namespace
}  // namespace touchstone
