#include "harness/store/store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/error.hpp"
#include "tests/store/fixture.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

using namespace touchstone::testing;  // NOLINT(google-build-using-namespace): the fixture's builders
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StoreTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "results.sqlite";
};

bool even(int number) { return number % 2 == 0; }

TEST_F(StoreTest, EnvironmentsAndModelsAreStoredOnce) {
  Store store(path_);
  const auto first = store.environment(environment());
  EXPECT_EQ(store.environment(environment()), first);
  EXPECT_EQ(store.environments().size(), 1U);
  const auto model = store.model(model_row("abc", "/home/somebody/stories260k/"));
  EXPECT_EQ(store.model(model_row("abc", "other name")), model);
  ASSERT_EQ(store.models().size(), 1U);
  EXPECT_EQ(store.models()[0].label, "stories260k");
}

TEST_F(StoreTest, AModelIsFilledInAndAnotherTokenizerMakesAnother) {
  Store store(path_);
  ModelRow weights_only;
  weights_only.hash = "abc";
  const auto id = store.model(weights_only);
  EXPECT_EQ(store.model(model_row("abc", "base")), id);
  EXPECT_EQ(store.models()[0].tokenizer_hash, "tokenizer");
  EXPECT_EQ(store.models()[0].label, "base");
  auto other = model_row("abc", "base");
  other.tokenizer_hash = "another";
  EXPECT_NE(store.model(other), id);
}

TEST_F(StoreTest, ARunIsFoundByItsPlanAndTakenUpAgain) {
  Store store(path_);
  RunRow row;
  row.name = "quickstart";
  row.plan_hash = "plan";
  row.plan_json = R"({"name": "quickstart"})";
  const auto id = store.begin_run(row, store.environment(environment()));
  store.end_run(id, "stopped", 2.0);
  ASSERT_TRUE(store.find_run("plan"));
  EXPECT_EQ(store.find_run("plan")->state, "stopped");
  store.resume_run(id);
  EXPECT_EQ(store.runs()[0].state, "running");
  store.end_run(id, "done", 3.0);
  EXPECT_EQ(store.runs()[0].seconds, 5.0);
  EXPECT_FALSE(store.find_run("other"));
}

TEST_F(StoreTest, ACellIsTakenUpUntilItIsDone) {
  Store store(path_);
  const auto base = store.model(model_row("base", "base"));
  const auto run = store.begin_run({}, store.environment(environment()));
  const auto cell = store.begin_cell(run, cell_row("key", base));
  auto end = cell_row("key", base);
  end.state = CellState::failed;
  end.error = "loss is nan";
  store.finish_cell(cell, end);
  EXPECT_EQ(store.find_cell("key")->error, "loss is nan");
  EXPECT_EQ(store.begin_cell(run, cell_row("key", base)), cell);
  EXPECT_EQ(store.find_cell("key")->attempts, 2);
  EXPECT_EQ(store.find_cell("key")->error, "");
  end.state = CellState::done;
  end.error = "";
  end.result_model = store.model(model_row("result", "sft"));
  end.steps = 40;
  store.finish_cell(cell, end);
  EXPECT_EQ(store.begin_cell(run, cell_row("key", base)), cell);
  const auto found = *store.find_cell("key");
  EXPECT_EQ(found.state, CellState::done);
  EXPECT_EQ(found.attempts, 2);
  EXPECT_EQ(found.steps, 40);
  EXPECT_EQ(found.seed, 18446744073709551615ULL);
  EXPECT_EQ(store.cells(run).size(), 1U);
  EXPECT_TRUE(store.cells(run + 1).empty());
}

TEST_F(StoreTest, ResumedStepsReplaceOlderOnes) {
  Store store(path_);
  const auto base = store.model(model_row("base", "base"));
  const auto run = store.begin_run({}, store.environment(environment()));
  const auto cell = store.begin_cell(run, cell_row("key", base));
  store.steps(cell, {step(0, 1, 3.0), step(0, 2, 2.0), step(0, 3, 9.0)});
  store.steps(cell, {step(0, 3, 1.5), step(1, 1, std::nan(""))});
  const auto curve = store.curve(cell);
  ASSERT_EQ(curve.size(), 4U);
  EXPECT_EQ(curve[2].loss, 1.5);
  EXPECT_EQ(curve[2].values.at("nll"), 1.5);
  EXPECT_EQ(curve[2].stage_name, "train");
  EXPECT_TRUE(std::isnan(curve[3].loss));
  EXPECT_TRUE(store.stages(cell).empty());
  store.stage(cell, {0, "train", R"({"use":"train"})", 1.0, {{"rows_total", 7}}});
  ASSERT_EQ(store.stages(cell).size(), 1U);
  EXPECT_EQ(store.stages(cell)[0].values.at("rows_total"), 7);
}

TEST_F(StoreTest, SamplesComeBackAsTheyWere) {
  Store store(path_);
  const auto model = store.model(model_row("base", "base"));
  auto measure = task_measure("toy", 3, even);
  auto& odd = measure.samples[1];
  odd.responses = {std::string("bytes \xff \x00 and \"quotes\" \\ \n", 27)};
  odd.choice_logp = {-std::numeric_limits<double>::infinity(), 1.0 / 3.0};
  odd.verdict.confidence.reset();
  odd.verdict.parsed = false;
  odd.verdict.detail = "timeout";
  odd.finished = false;
  odd.cluster = "anatomy";
  measure.warnings = {{Warning::Kind::cut_prompts, "toy: 1 of 3 prompts was cut"},
                      {Warning::Kind::data, "toy: it's a \"sample\""}};
  measure.family = "toys";
  measure.scores.front().unit = {.scale = 1.0, .name = "bits/byte"};
  for (std::size_t at = 0; at < 3; ++at) {
    measure.samples[at].forward_tokens = 10 + static_cast<std::int64_t>(at);
    measure.samples[at].cache_bytes = at == 1 ? 700 : 500;
  }
  auto voting = engine();
  voting.procedure = R"({"k":3,"procedure":"vote"})";
  MeasureSettings settings;
  settings.limit = 3;
  const auto id = store.add_measure("key", model, store.environment(environment()), measure, settings, voting, 0.5);
  EXPECT_EQ(store.find_measure("key"), id);
  EXPECT_FALSE(store.find_measure("another"));
  const auto samples = store.samples(id);
  ASSERT_EQ(samples.size(), 3U);
  const auto& found = samples[1];
  EXPECT_EQ(found.responses, odd.responses);
  EXPECT_EQ(found.choice_logp, odd.choice_logp);
  EXPECT_EQ(found.choice_greedy, odd.choice_greedy);
  EXPECT_FALSE(found.verdict.confidence);
  EXPECT_FALSE(found.verdict.parsed);
  EXPECT_FALSE(found.finished);
  EXPECT_EQ(found.verdict.detail, "timeout");
  EXPECT_EQ(found.cluster, "anatomy");
  EXPECT_EQ(found.prompt, odd.prompt);
  EXPECT_EQ(found.gold, odd.gold);
  EXPECT_EQ(samples[2].verdict.choice_probability, measure.samples[2].verdict.choice_probability);
  EXPECT_EQ(samples[2].verdict.values, measure.samples[2].verdict.values);
  const auto row = store.measures(model).at(0);
  EXPECT_EQ(row.task, "toy");
  EXPECT_EQ(row.benchmark, "toy");
  EXPECT_EQ(row.data_origin, "data");
  EXPECT_EQ(row.items, 3);
  EXPECT_EQ(row.warnings, measure.warnings);
  EXPECT_EQ(row.family, "toys");
  ASSERT_TRUE(row.work);
  EXPECT_EQ(row.work->procedure, voting.procedure);
  EXPECT_EQ(row.work->forward_tokens, 10 + 11 + 12);
  EXPECT_EQ(row.work->cache_bytes, 700);
  EXPECT_EQ(row.scores.front().unit.scale, 1.0);
  EXPECT_EQ(row.scores.front().unit.name, "bits/byte");
  ASSERT_EQ(row.scores.size(), 1U);
  EXPECT_EQ(row.scores[0].value, measure.scores[0].value);
  EXPECT_THAT(row.settings_json, HasSubstr("\"limit\":3"));
}

TEST_F(StoreTest, TwoModelsShareDocumentsAndPrompts) {
  Store store(path_);
  const auto environment_id = store.environment(environment());
  const auto one = store.add_measure("one", store.model(model_row("a", "a")), environment_id,
                                     task_measure("toy", 4, even), {}, engine(), 0.5);
  const auto two = store.add_measure("two", store.model(model_row("b", "b")), environment_id,
                                     task_measure("toy", 4, [](int) { return true; }), {}, engine(), 0.5);
  const auto before = store.items(one);
  const auto after = store.items(two);
  ASSERT_EQ(before.size(), 4U);
  for (std::size_t at = 0; at < before.size(); ++at) {
    EXPECT_EQ(before[at].item, after[at].item);
    EXPECT_EQ(before[at].prompt, after[at].prompt);
  }
  EXPECT_FALSE(before[1].correct);
  EXPECT_TRUE(after[1].correct);
  EXPECT_EQ(before[1].gold, std::vector<int>{0});
  const auto some = store.samples(two, {before[3].item, before[0].item, 999});
  ASSERT_EQ(some.size(), 2U);
  EXPECT_EQ(some[0].example_id, "toy/test/3");
}

TEST_F(StoreTest, AMeasureIsStoredOnce) {
  Store store(path_);
  const auto model = store.model(model_row("a", "a"));
  const auto environment_id = store.environment(environment());
  const auto measure = task_measure("toy", 4, even);
  const auto id = store.add_measure("one", model, environment_id, measure, {}, engine(), 0.5);
  EXPECT_EQ(store.add_measure("one", model, environment_id, measure, {}, engine(), 0.5), id);
  EXPECT_EQ(store.measures().size(), 1U);
  EXPECT_EQ(store.samples(id).size(), 4U);
}

TEST_F(StoreTest, CalibrationIsStoredWithTheMeasure) {
  Store store(path_);
  const auto id = store.add_measure("one", store.model(model_row("a", "a")), store.environment(environment()),
                                    task_measure("toy", 4, even), {}, engine(), 0.5);
  const auto found = store.calibration(id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->items, 4);
  EXPECT_DOUBLE_EQ(found->ece, 0.25);  // always 0.75 sure, half right
  EXPECT_DOUBLE_EQ(found->brier, (2 * 0.0625 + 2 * 0.5625) / 2);
  ASSERT_EQ(found->bins.size(), 10U);
  EXPECT_EQ(found->bins[7].items, 4);
  EXPECT_FALSE(store.calibration(id + 1));
}

TEST_F(StoreTest, RunsKnowTheirMeasures) {
  Store store(path_);
  const auto environment_id = store.environment(environment());
  const auto model = store.model(model_row("a", "a"));
  const auto run = store.begin_run({}, environment_id);
  const auto cell = store.begin_cell(run, cell_row("key", model));
  const auto one = store.add_measure("one", model, environment_id, task_measure("toy", 2, even), {}, engine(), 0.5);
  store.link_measure(run, 0, one);
  store.link_measure(run, 0, one);
  store.link_measure(run, cell, one);
  const auto found = store.run_measures(run);
  EXPECT_THAT(found.at(0), ElementsAre(one));
  EXPECT_THAT(found.at(cell), ElementsAre(one));
}

TEST_F(StoreTest, NothingOfARefusedMeasureStays) {
  Store store(path_);
  const auto model = store.model(model_row("a", "a"));
  auto twice = task_measure("toy", 2, even);
  twice.samples.push_back(twice.samples[0]);
  try {
    store.add_measure("one", model, store.environment(environment()), twice, {}, engine(), 0.5);
    FAIL() << "the same example twice was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::store);
    EXPECT_THAT(error.what(), HasSubstr("results.sqlite: "));
    EXPECT_THAT(error.what(), HasSubstr("UNIQUE"));
  }
  EXPECT_FALSE(store.find_measure("one"));
  EXPECT_TRUE(store.measures().empty());
  EXPECT_TRUE(store.problems().empty());
}

TEST_F(StoreTest, FurtherMetricsAndDrawnAnswersComeBack) {
  Store store(path_);
  const auto model = store.model(model_row("abc", "base"));
  auto measure = task_measure("toy", 3, even);
  measure.scores.push_back({.metric = "kl_forward",
                            .value = 0.25,
                            .stderror = 0.01,
                            .higher_is_better = false,
                            .unit = {.scale = 1.0, .name = "nats/token"},
                            .further = "kl_forward"});
  measure.samples[1].verdict.values["kl_forward"] = 0.25;
  measure.samples[1].drawn = {
      {.drawing = R"({"samples":2})", .text = "one\n", .extracted = "1", .correct = true, .score = 1.0, .tokens = 4},
      {.drawing = R"({"samples":2})", .text = "\xff", .parsed = false, .tokens = 9, .finished = false}};
  const auto id = store.add_measure("key", model, store.environment(environment()), measure, {}, engine(), 1.0);
  const auto row = store.measures().at(0);
  ASSERT_EQ(row.scores.size(), 2U);
  EXPECT_EQ(row.scores[0].further, "");
  EXPECT_EQ(row.scores[1].further, "kl_forward");
  EXPECT_EQ(row.scores[1].unit.name, "nats/token");
  const auto samples = store.samples(id);
  EXPECT_TRUE(samples[0].drawn.empty());
  ASSERT_EQ(samples[1].drawn.size(), 2U);
  EXPECT_EQ(samples[1].drawn[0].text, "one\n");
  EXPECT_EQ(samples[1].drawn[0].extracted, "1");
  EXPECT_TRUE(samples[1].drawn[0].correct);
  EXPECT_EQ(samples[1].drawn[1].text, "\xff");
  EXPECT_FALSE(samples[1].drawn[1].parsed);
  EXPECT_EQ(samples[1].drawn[1].tokens, 9);
  EXPECT_FALSE(samples[1].drawn[1].finished);
  const auto items = store.items(id, "kl_forward");
  EXPECT_EQ(items[1].value, 0.25);
  EXPECT_EQ(store.samples(id, {items[1].item}).at(0).drawn.size(), 2U);
  EXPECT_TRUE(store.problems().empty());
  // Drawn answers are part of what a plan determines.
  Store other(folder_.path() / "other.sqlite");
  measure.samples[1].drawn[1].text = "two";
  other.add_measure("key", other.model(model_row("abc", "base")), other.environment(environment()), measure, {},
                    engine(), 1.0);
  EXPECT_NE(store.content_digest(), other.content_digest());
}

}  // namespace
}  // namespace touchstone
