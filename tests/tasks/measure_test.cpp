#include "harness/measure/measure.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "harness/base/error.hpp"
#include "harness/measure/accuracy.hpp"
#include "tasks/book.hpp"
#include "tests/support/hash_engine.hpp"
#include "tests/support/support.hpp"
#include "tests/support/toy_data.hpp"

namespace touchstone {

namespace {

using ::testing::ElementsAre;
using testing::HashEngine;
using ::testing::HasSubstr;

class Measure : public ::testing::Test {
 protected:
  void SetUp() override {
    add_tasks(book_);
    testing::write_toy_gsm8k(folder_.path());
    testing::write_toy_truthfulqa(folder_.path());
  }

  Measurement run(const MeasureSettings& settings) {
    return measure(settings, book_, DataFolders({folder_.path()}), engine_);
  }

  static MeasureSettings of(std::vector<std::string> tasks, double limit = 0) {
    MeasureSettings settings;
    settings.tasks = std::move(tasks);
    settings.limit = limit;
    return settings;
  }

  std::string message_of(const MeasureSettings& settings) {
    try {
      run(settings);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  testing::TemporaryFolder folder_;
  TaskBook book_;
  HashEngine engine_{testing::thinking_text};
};

TEST_F(Measure, AsksEverythingTogetherAndOnce) {
  const auto result = run(of({"truthfulqa", "gsm8k", "truthfulqa_mc1"}));
  EXPECT_EQ(engine_.calls().size(), 1U);
  ASSERT_EQ(result.tasks.size(), 4U);
  EXPECT_EQ(result.tasks[0].task, "truthfulqa_mc1");
  EXPECT_EQ(result.tasks[3].task, "gsm8k");
  EXPECT_TRUE(result.groups.empty());  // three measures of different things have no mean
}

TEST_F(Measure, LimitIsAShareBelowOneAndANumberFromOneOn) {
  EXPECT_EQ(run(of({"gsm8k"}, 0.31)).tasks[0].samples.size(), 10U);  // 9.3 of 30, rounded up
  EXPECT_EQ(run(of({"gsm8k"}, 1)).tasks[0].samples.size(), 1U);
  EXPECT_EQ(run(of({"gsm8k"}, 7.9)).tasks[0].samples.size(), 7U);
  const auto all = run(of({"gsm8k"}, 1000));
  EXPECT_EQ(all.tasks[0].samples.size(), 30U);
  EXPECT_EQ(all.tasks[0].documents, 30);
}

TEST_F(Measure, AFilteredExampleHasThePromptOfTheWholeRun) {
  const auto whole = run(of({"gsm8k"}));
  auto settings = of({"gsm8k"});
  settings.filter = "/(7|12)$";
  const auto part = run(settings);
  ASSERT_EQ(part.tasks[0].samples.size(), 2U);
  EXPECT_EQ(part.tasks[0].samples[0].example_id, "gsm8k/test/7");
  EXPECT_EQ(part.tasks[0].samples[0].prompt, whole.tasks[0].samples[7].prompt);
  EXPECT_EQ(part.tasks[0].samples[1].prompt, whole.tasks[0].samples[12].prompt);
}

TEST_F(Measure, SubjectsChooseTasksAndExamples) {
  testing::write_toy_mmlu(folder_.path());
  auto settings = of({"mmlu"});
  settings.subjects = {"anatomy", "mmlu_virology"};
  const auto result = run(settings);
  ASSERT_EQ(result.tasks.size(), 2U);
  EXPECT_EQ(result.tasks[0].task, "mmlu_anatomy");
  EXPECT_EQ(result.tasks[0].samples[0].cluster, "anatomy");
  EXPECT_EQ(result.tasks[0].samples[0].gold, std::vector<int>{1});
  EXPECT_EQ(result.tasks[0].benchmark, "mmlu");
  EXPECT_EQ(book_.benchmark("gsm8k"), "gsm8k");
  EXPECT_EQ(result.groups[0].items, 3 + 2);
  settings.subjects = {"anatomi"};
  EXPECT_THAT(message_of(settings), HasSubstr("subjects anatomi"));
}

TEST_F(Measure, MeasuredTasksAreThoseWithExamples) {
  testing::write_toy_mmlu(folder_.path());
  auto settings = of({"mmlu"});
  EXPECT_EQ(measured_tasks(settings, book_, DataFolders({folder_.path()})).size(), 57U);
  settings.subjects = {"virology", "anatomy"};
  EXPECT_EQ(measured_tasks(settings, book_, DataFolders({folder_.path()})),
            (std::vector<std::string>{"mmlu_anatomy", "mmlu_virology"}));
  // One misspelt name among right ones must not go unheard.
  settings.subjects = {"anatomy", "virologi"};
  try {
    measured_tasks(settings, book_, DataFolders({folder_.path()}));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("'virologi'"));
  }
}

TEST_F(Measure, SaysWhatIsWrong) {
  EXPECT_THAT(message_of(of({"gsm8"})), HasSubstr("did you mean 'gsm8k'"));
  EXPECT_THAT(message_of(of({})), HasSubstr("no task is named"));
  EXPECT_THAT(message_of(of({"mmlu_anatomy"})), HasSubstr("data is missing"));
  auto settings = of({"gsm8k"});
  settings.filter = "(";
  EXPECT_THAT(message_of(settings), HasSubstr("not a regular expression"));
  settings.filter = "nothing";
  EXPECT_THAT(message_of(settings), HasSubstr("by the filter 'nothing'"));
  settings = of({"gsm8k"});
  settings.shots = 21;
  EXPECT_THAT(message_of(settings), HasSubstr("21 shots are asked for, but there are only 20"));
  settings = of({"gsm8k"});
  settings.chat = true;
  EXPECT_THAT(message_of(settings), HasSubstr("--chat needs a chat template"));
  testing::write_text(folder_.path() / "gsm8k/test.jsonl", "\n");
  EXPECT_THAT(message_of(of({"gsm8k"})), HasSubstr("found no example"));
}

TEST_F(Measure, StopsWhenAsked) {
  CancelFlag cancel;
  cancel.set();
  EXPECT_THROW(measure(of({"gsm8k"}), book_, DataFolders({folder_.path()}), engine_, {}, &cancel), Cancelled);
}

TEST_F(Measure, TellsItsProgress) {
  std::vector<std::size_t> finished;
  std::vector<std::string> tasks;
  const MeasureProgress progress{
      .requests =
          [&](std::size_t done, std::size_t all) {
            EXPECT_EQ(all, 5U);
            finished.push_back(done);
          },
      .task = [&](const std::string& task, const Score& score) { tasks.push_back(task + " " + score.metric); }};
  measure(of({"gsm8k"}, 5), book_, DataFolders({folder_.path()}), engine_, progress);
  EXPECT_EQ(finished.front(), 0U);
  EXPECT_EQ(finished.back(), 5U);
  EXPECT_THAT(tasks, ElementsAre("gsm8k exact_match,strict-match"));
}

TEST_F(Measure, RecordsPromptsThatWereCut) {
  class Short : public HashEngine {
   public:
    std::vector<Response> answer(std::span<const Request> requests, const std::function<void(std::size_t)>& done,
                                 const CancelFlag* cancel) override {
      auto responses = HashEngine::answer(requests, done, cancel);
      responses.front().truncated_tokens = 17;
      return responses;
    }
  } engine;
  const auto result = measure(of({"truthfulqa_mc1"}), book_, DataFolders({folder_.path()}), engine);
  EXPECT_EQ(result.tasks[0].samples[0].truncated_tokens, 17);
  ASSERT_EQ(result.tasks[0].warnings.size(), 1U);
  EXPECT_EQ(result.tasks[0].warnings[0].kind, Warning::Kind::cut_prompts);
  EXPECT_THAT(result.tasks[0].warnings[0].text, HasSubstr("1 of 8 prompts are longer than the model's context"));
}

TEST_F(Measure, FixedModeAddsItsOwnReadings) {
  auto settings = of({"gsm8k_cot"}, 1);
  settings.mode = Mode::fixed;
  const auto sample = run(settings).tasks[0].samples[0];
  EXPECT_EQ(sample.verdict.values.count("exact_match,marked-or-last"), 1U);
  EXPECT_EQ(run(of({"gsm8k_cot"}, 1)).tasks[0].samples[0].verdict.values.count("exact_match,marked-or-last"), 0U);
  testing::write_toy_mmlu(folder_.path());
  settings = of({"mmlu_anatomy_continuation"});
  settings.mode = Mode::fixed;
  const auto task = run(settings).tasks[0];
  std::vector<std::string> names;
  for (const auto& score : task.scores) names.push_back(score.metric);
  EXPECT_THAT(names,
              ElementsAre("acc,none", "acc_norm,none", "acc_norm_bytes,none", "acc_norm_tokens,none", "acc_pmi,none"));
  EXPECT_EQ(task.samples[0].choice_logp.size(), 4U);
}

TEST_F(Measure, ASingleDocumentHasNoStandardError) {
  EXPECT_TRUE(std::isnan(run(of({"gsm8k"}, 1)).tasks[0].scores[0].stderror));
}

TEST_F(Measure, SaysWhenTheDataIsNotThePublishedFile) {
  const auto identity = data_identity(book_.tasks.get("gsm8k"), DataFolders({folder_.path()}));
  ASSERT_EQ(identity.warnings.size(), 2U);
  EXPECT_EQ(identity.warnings[0].kind, Warning::Kind::data);
  EXPECT_THAT(identity.warnings[0].text, HasSubstr("is not the published file"));
  const auto before = identity.hash;
  testing::write_text(folder_.path() / "gsm8k/train.jsonl", "{\"question\": \"q\", \"answer\": \"a\"}\n");
  EXPECT_NE(task_data_hash(book_.tasks.get("gsm8k"), DataFolders({folder_.path()})), before);
}

TEST(MeasureKey, ChangesWithEverythingThatCanChangeANumber) {
  EngineInfo engine;
  MeasureSettings settings;
  std::set<std::string> keys;
  const auto add = [&] { EXPECT_TRUE(keys.insert(measure_key(engine, "t", "1", "d", settings)).second); };
  add();
  engine.model_hash = "m", add();
  engine.config_hash = "c", add();
  engine.tokenizer_hash = "k", add();
  engine.dtype = "bfloat16", add();
  engine.device = "cuda", add();
  engine.kernels = "amx", add();
  engine.max_length = 512, add();
  settings.shots = 3, add();
  settings.limit = 5, add();
  settings.seed = 9, add();
  settings.mode = Mode::fixed, add();
  settings.chat = true, add();
  engine.template_hash = "h", add();
  settings.multiturn = false, add();
  settings.system_instruction = "s", add();
  settings.subjects = {"a"}, add();
  settings.filter = "f", add();
  EXPECT_TRUE(keys.insert(measure_key(engine, "u", "1", "d", settings)).second);
  EXPECT_TRUE(keys.insert(measure_key(engine, "t", "2", "d", settings)).second);
  EXPECT_TRUE(keys.insert(measure_key(engine, "t", "1", "e", settings)).second);
  const auto key = measure_key(engine, "t", "1", "d", settings);
  engine.threads = 2;  // scores do not depend on it
  settings.tasks = {"t", "u"};
  EXPECT_EQ(measure_key(engine, "t", "1", "d", settings), key);
}

TEST(GroupScores, ArePooledOverLeaves) {
  // 60 of 100 and 280 of 400 right.
  TaskMeasure small;
  small.scores = {{.metric = "acc,none", .value = 0.6, .stderror = 0.0492365963917331}};
  small.samples.resize(100);
  TaskMeasure large;
  large.scores = {{.metric = "acc,none", .value = 0.7, .stderror = 0.02294157338705618}};
  large.samples.resize(400);
  const std::vector<const TaskMeasure*> leaves = {&small, &large};
  TaskGroup group{.name = "g", .summary = "", .members = {"a", "b"}};
  const auto pooled = group_scores(group, leaves).scores.at(0);
  EXPECT_EQ(pooled.value, 0.68);
  EXPECT_DOUBLE_EQ(pooled.stderror, 0.0208263040350187);
  group.weight_by_size = false;
  EXPECT_DOUBLE_EQ(group_scores(group, leaves).scores.at(0).value, 0.65);
  small.scores[0].stderror = std::nan("");
  EXPECT_TRUE(std::isnan(group_scores(group, leaves).scores.at(0).stderror));
  small.scores.clear();
  EXPECT_TRUE(group_scores(group, leaves).scores.empty());
}

TEST(NumpySum, AddsInEightLanes) {
  // numpy.sum of 1/1, 1/2, ..., 1/300, and of the first 9 and the first 7.
  std::vector<double> values;
  for (int i = 1; i <= 300; ++i) values.push_back(1.0 / i);
  EXPECT_EQ(numpy_sum(values), 6.282663880299504);
  EXPECT_EQ(numpy_sum(std::span(values).first(9)), 2.8289682539682537);
  EXPECT_EQ(numpy_sum(std::span(values).first(7)), 2.5928571428571425);
}

}  // namespace
}  // namespace touchstone
