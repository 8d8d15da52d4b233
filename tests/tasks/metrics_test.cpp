// What a task says of itself: its family, and the direction and unit of its metrics, which nobody guesses from names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "harness/base/error.hpp"
#include "harness/measure/accuracy.hpp"
#include "harness/measure/measure.hpp"
#include "tasks/book.hpp"
#include "tests/support/hash_engine.hpp"
#include "tests/support/support.hpp"

namespace touchstone {

namespace {

using ::testing::HasSubstr;

const TaskBook& book() {
  static const TaskBook all = [] {
    TaskBook made;
    add_tasks(made);
    return made;
  }();
  return all;
}

TEST(Families, EveryTaskNamesIts) {
  for (const auto& name : book().tasks.names()) EXPECT_FALSE(book().tasks.get(name).family.empty()) << name;
}

TEST(Families, HoldWhatAsksForTheSameSkill) {
  for (const auto& [one, other] :
       std::vector<std::pair<std::string, std::string>>{{"gsm8k", "gsm8k_cot_zeroshot"},
                                                        {"truthfulqa_mc1", "truthfulqa_gen"},
                                                        {"mmlu_anatomy", "mmlu_flan_n_shot_generative_virology"},
                                                        {"humaneval", "humaneval_instruct"},
                                                        {"micro-mmlu-geography", "micro-mmlu-ood-zoology"},
                                                        {"micro-gsm8k", "micro-gsm8k-ood"},
                                                        {"micro-facts", "micro-facts-b"},
                                                        {"micro-pictures", "micro-pictures-told"},
                                                        {"maze-ood", "maze-6x6"},
                                                        {"chart", "chart-picture"}}) {
    if (!book().tasks.has(one) || !book().tasks.has(other)) {
      ADD_FAILURE() << one << " or " << other << " is no task";
      continue;
    }
    EXPECT_EQ(book().family(one), book().family(other)) << one << " " << other;
  }
  for (const auto& [one, other] :
       std::vector<std::pair<std::string, std::string>>{{"gsm8k", "micro-gsm8k"},
                                                        {"mmlu_anatomy", "micro-mmlu-geography"},
                                                        {"chart", "chartqa"},
                                                        {"micro-mmlu-geography", "micro-gsm8k"},
                                                        {"micro-pictures", "micro-bars-told"},
                                                        {"tabmwp", "gsm8k"}}) {
    EXPECT_NE(book().family(one), book().family(other)) << one << " " << other;
  }
}

TEST(Families, AGroupHasThatOfItsLeavesAndAnUnknownNameItsOwn) {
  EXPECT_EQ(book().family("mmlu"), "mmlu");
  EXPECT_EQ(book().family("truthfulqa"), "truthfulqa");
  EXPECT_EQ(book().family("rows.jsonl"), "rows.jsonl");
  TaskBook toys;
  const auto add = [&](const std::string& name) {
    Task task;
    task.name = name;
    toys.tasks.add(name, task);
  };
  add("math_hard");
  add("math_word");
  EXPECT_NE(toys.family("math_hard"), toys.family("math_word"));
}

/// Examples of a task that the repository carries or makes; else, where its judge looks at the right answer alone, one
/// made up here; else none.
std::vector<Example> examples_of(const Task& task) {
  const auto samples = std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "data/samples";
  auto folders = std::vector<std::filesystem::path>{samples};
  if (const auto shared = testing::shared("data")) folders.push_back(*shared);
  try {
    auto all = task.load(task.evaluated, DataFolders(folders));
    if (all.size() > 6) all.resize(6);
    return all;
  } catch (const Error& error) {
    if (error.fault() != Fault::data) throw;
  }
  if (!std::set<std::string>{"opencqa", "chartqa", "tabmwp"}.contains(task.name)) return {};
  Example example;
  example.id = task.name + "/made-up";
  example.question = "How many?";
  example.targets = {"3 of 4"};
  return {example};
}

std::vector<Verdict> verdicts_of(const Task& task, const std::vector<Example>& examples) {
  testing::HashEngine engine(testing::thinking_text);
  std::vector<Verdict> verdicts;
  for (const auto& example : examples) {
    const auto requests = task.ask(example, example.question, {});
    verdicts.push_back(task.judge(example, engine.answer(requests, {}, nullptr), {}));
  }
  return verdicts;
}

// Training is rewarded by the score, and reports, gate and claims compare the main metric: they must not disagree.
TEST(Metrics, TheScoreAndTheMainMetricAgreeInEveryTask) {
  std::set<std::string> without_data;
  for (const auto& name : book().tasks.names()) {
    SCOPED_TRACE(name);
    const auto& task = book().tasks.get(name);
    ASSERT_FALSE(task.metrics.empty());
    const auto& main = task.metrics.front();
    std::vector<Verdict> verdicts;
    try {
      verdicts = verdicts_of(task, examples_of(task));
    } catch (const Error& error) {
      ASSERT_EQ(error.fault(), Fault::sandbox) << error.what();  // this machine forbids it
      continue;
    }
    if (verdicts.empty()) without_data.insert(task.family);
    for (const auto& verdict : verdicts) {
      ASSERT_TRUE(verdict.values.contains(main.name) || main.aggregate) << main.name;
      EXPECT_GE(verdict.score, 0.0);
      EXPECT_LE(verdict.score, 1.0);
      if (!verdict.values.contains(main.name)) continue;
      const double value = verdict.values.at(main.name);
      if (main.unit.in_points() && main.higher_is_better) {
        EXPECT_DOUBLE_EQ(verdict.score, value * main.unit.scale / 100.0);
        continue;
      }
      for (const auto& other : verdicts) {
        const bool better =
            main.higher_is_better ? other.values.at(main.name) > value : other.values.at(main.name) < value;
        EXPECT_EQ(other.score > verdict.score, better) << main.name;
      }
    }
  }
  for (const auto& family : without_data)
    EXPECT_TRUE(family == "bfcl" || family == "maze" || family == "text") << family;
}

MetricSpec metric_of(const std::string& task, const std::string& metric) {
  for (const auto& one : book().tasks.get(task).metrics) {
    if (one.name == metric) return one;
  }
  throw std::runtime_error(task + " has no metric " + metric);
}

// By the reference's own ranges: OpenCQA's overlap is kept in [0, 1] here, TruthfulQA's as sacrebleu prints it.
TEST(Metrics, UnitsAreThoseOfTheValues) {
  for (const char* name : {"rougeL,none", "rouge1,none", "rouge2,none", "bleu,none"}) {
    EXPECT_EQ(metric_of("opencqa", name).unit.scale, 100.0) << name;
  }
  EXPECT_EQ(metric_of("truthfulqa_gen", "bleu_acc,none").unit.scale, 100.0);
  EXPECT_EQ(metric_of("truthfulqa_gen", "bleu_max,none").unit.scale, 1.0);
  EXPECT_TRUE(metric_of("truthfulqa_gen", "bleu_max,none").unit.in_points());
  EXPECT_EQ(metric_of("truthfulqa_gen", "rougeL_diff,none").unit.scale, 1.0);
  const auto bits = metric_of("micro-corpus", "bits_per_byte,none");
  EXPECT_FALSE(bits.higher_is_better);
  EXPECT_FALSE(bits.unit.in_points());
  EXPECT_EQ(bits.unit.name, "bits/byte");
}

// A perfect answer has the value that `scale` makes 100 of.
TEST(Metrics, APerfectAnswerIsShownAsAHundred) {
  Example example;
  example.targets = {"the bars fall from left to right over the whole year"};
  example.facts["incorrect"] = "no";
  Response response;
  response.generated = {{.text = example.targets.front(), .logp_nats = {-0.1}, .finished = true}};
  for (const char* task : {"opencqa", "truthfulqa_gen"}) {
    const auto verdict = book().tasks.get(task).judge(example, std::vector<Response>{response}, {});
    for (const auto& metric : book().tasks.get(task).metrics) {
      if (metric.name.find("_diff") != std::string::npos) continue;
      EXPECT_NEAR(verdict.values.at(metric.name) * metric.unit.scale, 100.0, 1e-9) << task << " " << metric.name;
    }
  }
}

}  // namespace
}  // namespace touchstone
