// Wrong variants of right answers: how they are made, chosen and marked, and trained against.
#include <gmock/gmock.h>

#include "backends/tokenizers/tokenizers.hpp"
#include "tests/trainers/tiny.hpp"
#include "trainers/rows/rows.hpp"
#include "trainers/text/mutations.hpp"
#include "trainers/text/worked_steps.hpp"

namespace touchstone {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

std::vector<std::string> all_of(const std::string& kind, const std::string& text, const std::string& context = "") {
  Draws draws(1, "test");
  return mutations(text, context, {kind}, 1000, draws);
}

TEST(Mutations, Kinds) {
  EXPECT_THAT(all_of("operator", "a<=b and c//2"),
              UnorderedElementsAre("a>=b and c//2", "a<=b or c//2", "a<=b and c%2"));
  EXPECT_THAT(all_of("operator", "min(a, b) == c"), UnorderedElementsAre("max(a, b) == c", "min(a, b) != c"));
  EXPECT_THAT(all_of("operator", "def f(x) -> int"), ElementsAre());
  EXPECT_THAT(all_of("number", "x1 + 10 - 0.5"), UnorderedElementsAre("x1 + 11 - 0.5", "x1 + 9 - 0.5"));
  EXPECT_THAT(all_of("number", "0"), ElementsAre("1"));
  EXPECT_THAT(all_of("boundary", "x < n"), ElementsAre("x <= n"));
  EXPECT_THAT(all_of("boundary", "xs[:k] + xs[2:]"), UnorderedElementsAre("xs[k:] + xs[2:]", "xs[:k] + xs[:2]"));
  EXPECT_THAT(all_of("boundary", "xs[::-1]"), ElementsAre());
  EXPECT_THAT(all_of("boundary", "for i in range(n): len(i)"),
              UnorderedElementsAre("for i in range(1, n): len(i)", "for i in range(n): -1 + len(i)"));
  EXPECT_THAT(all_of("variable", "return a + b"), UnorderedElementsAre("return b + b", "return a + a"));
  EXPECT_THAT(all_of("variable", "return a.size(b)", "def f(a, b, c):"),
              UnorderedElementsAre("return b.size(b)", "return c.size(b)", "return a.size(a)", "return a.size(c)"));
}

TEST(Mutations, KindsTakeTurnsAndNothingComesTwice) {
  Draws draws(3, "test");
  const std::string text = "if x < 3:\n    return y + x\n";
  const auto made = mutations(text, "", mutation_kinds(), 1000, draws);
  EXPECT_EQ(std::set<std::string>(made.begin(), made.end()).size(), made.size());
  EXPECT_THAT(made, Not(Contains(text)));
  Draws again(3, "test");
  EXPECT_EQ(mutations(text, "", mutation_kinds(), 5, again), std::vector<std::string>(made.begin(), made.begin() + 5));
  Draws other(4, "test");
  EXPECT_NE(mutations(text, "", mutation_kinds(), 5, other), std::vector<std::string>(made.begin(), made.begin() + 5));
}

TEST(Mutations, AnEmptyTextHasNone) {
  Draws draws(1, "test");
  EXPECT_THAT(mutations("", "", mutation_kinds(), 4, draws), ElementsAre());
  EXPECT_THAT(mutations("words alone", "", {"operator", "number", "step"}, 4, draws), ElementsAre());
}

TEST(WorkedSteps, WhatFollowsIsComputedAnew) {
  const auto made = changed_steps("5+3=<<5+3=8>>8\n8*2=<<8*2=16>>16\n#### 16");
  EXPECT_THAT(made, UnorderedElementsAre("5-3=<<5-3=2>>2\n2*2=<<2*2=4>>4\n#### 4",     //
                                         "6+3=<<6+3=9>>9\n9*2=<<9*2=18>>18\n#### 18",  //
                                         "4+3=<<4+3=7>>7\n7*2=<<7*2=14>>14\n#### 14",  //
                                         "5+4=<<5+4=9>>9\n9*2=<<9*2=18>>18\n#### 18",  //
                                         "5+2=<<5+2=7>>7\n7*2=<<7*2=14>>14\n#### 14",  //
                                         "5+3=<<5+3=8>>8\n8/2=<<8/2=4>>4\n#### 4",     //
                                         "5+3=<<5+3=8>>8\n9*2=<<9*2=18>>18\n#### 18",  //
                                         "5+3=<<5+3=8>>8\n7*2=<<7*2=14>>14\n#### 14",  //
                                         "5+3=<<5+3=8>>8\n8*3=<<8*3=24>>24\n#### 24",  //
                                         "5+3=<<5+3=8>>8\n8*1=<<8*1=8>>8\n#### 8"));
}

TEST(WorkedSteps, StepsInProse) {
  const auto made = changed_steps("He has 5+3=<<5+3=8>>8 books, of which 2 are old: 8-2=<<8-2=6>>6 new.\n#### 6");
  EXPECT_THAT(made, Contains("He has 6+3=<<6+3=9>>9 books, of which 2 are old: 9-2=<<9-2=7>>7 new.\n#### 7"));
  // A rest, or less than nothing, on the way: left out. Steps that are no sums of two whole numbers: left alone.
  EXPECT_THAT(changed_steps("9/3=<<9/3=3>>3"), Not(Contains(::testing::HasSubstr("10/3"))));
  EXPECT_THAT(changed_steps("<<5*0.5=2.5>>2.5 <<x=>> <<"), ElementsAre());
  EXPECT_THAT(changed_steps("<<99999999999999999999+1=3>>3"), ElementsAre());
}

Record record_of(const std::vector<std::pair<std::string, double>>& answers) {
  Record record;
  record.id = "r";
  record.prompt = {{Role::user, {std::string("write:")}, " "}};
  for (const auto& [text, reward] : answers) {
    record.answers.emplace_back();
    record.answers.back().text = text;
    record.answers.back().reward = reward;
  }
  return record;
}

/// A session with the tiny model's tokenizer, whose tokens are characters.
class NearMiss : public ::testing::Test {
 protected:
  NearMiss() {
    testing::make_tiny(folder_.path());
    session_.job = &job_;
    session_.hooks = &hooks_;
    session_.tokenizer = load_tokenizer(folder_.path());
  }
  void run(const std::string& options = "") {
    make_use(Options(parse_json(R"({"use": "near_miss")" + options + "}", "test"), "test"),
             testing::trainer_book().stages, testing::trainer_book())
        .run(session_);
  }
  std::vector<Record>& data() { return session_.data["data"]; }
  std::vector<std::string> texts() {
    std::vector<std::string> all;
    for (const auto& answer : data().front().answers) all.push_back(answer.text);
    return all;
  }
  testing::TemporaryFolder folder_;
  TrainJob job_;
  TrainHooks hooks_;
  Session session_;
};

TEST_F(NearMiss, TheWrongAnswerMostLikeTheRightOne) {
  data() = {record_of({{"return a + b", 1}, {"return a - c", 0}, {"return a - b", 0}, {"return b + a", 1}})};
  run();
  EXPECT_THAT(texts(), ElementsAre("return a + b", "return a - b"));
  EXPECT_EQ(session_.values.at("candidates"), 2.0);
  EXPECT_EQ(session_.values.at("near_misses"), 1.0);
  EXPECT_NEAR(session_.values.at("mean_similarity"), 11.0 / 12, 1e-9);
  EXPECT_NEAR(session_.values.at("mean_diff"), 1.0 / 13, 1e-6);  // with the space before it
}

// Marks reach the tokens by the tokenizer's offsets: here each character is one.
TEST_F(NearMiss, MarksOfTokens) {
  data() = {record_of({{"if x <= n:\n  pass", 1}, {"if x < n:\n  pass", 0}})};
  run();
  RowSettings settings;
  settings.max_length = 128;
  settings.answers = 1;
  settings.roles = {"fault_line", "fault"};
  RowAudit audit;
  const auto row = encode_row(data().front(), row_encoder(session_), settings, audit);
  ASSERT_TRUE(row);
  // 1: changed line with its line break, 2: changed character. A space in front comes from the prompt; the end is 0x80.
  const auto marks = [](const TokenFacts& facts) { return std::vector<int>(facts.marks.begin(), facts.marks.end()); };
  EXPECT_THAT(marks(row->facts), ElementsAre(0, 1, 1, 1, 1, 1, 1, 3, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0x80));
  EXPECT_THAT(marks(row->others.front().facts), ElementsAre(0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0x80));
}

TEST_F(NearMiss, WhatIsNotNear) {
  const auto refused = [&](const std::string& right, const std::string& wrong, const std::string& why,
                           const std::string& options = "") {
    data() = {record_of({{right, 1}, {wrong, 0}}), record_of({{"a + b", 1}, {"a - b", 0}})};
    run(options);
    EXPECT_EQ(session_.values.at(why), 1.0) << wrong;
    EXPECT_EQ(session_.values.at("near_misses"), 1.0);
    ASSERT_EQ(data().size(), 2U);
    EXPECT_THAT(texts(), ElementsAre(right));  // trained as it is
    EXPECT_TRUE(data().front().answers.front().spans.empty());
  };
  refused("return  x", "return x\n", "candidates_same");
  refused("return x", "quite another", "candidates_unlike");
  refused("", "x", "candidates_unlike");
  refused("abcdefgh", "abcdXXXX", "candidates_too_different", R"(, "min_similarity": 0.3, "max_diff_fraction": 0.44)");
  refused(std::string(5000, 'x'), std::string(5000, 'y'), "candidates_too_long");
  data() = {record_of({{"return x", 1}, {"quite another", 0}}), record_of({{"a + b", 1}, {"a - b", 0}})};
  run(R"(, "without": "drop")");
  EXPECT_EQ(data().size(), 1U);
}

TEST_F(NearMiss, BadData) {
  data() = {record_of({{"wrong", 0.5}, {"right", 1}}), record_of({{"a + b", 1}, {"a - b", 0}})};
  run();
  EXPECT_EQ(session_.values.at("rows_wrong"), 1.0);
  EXPECT_THAT(texts(), ElementsAre("a + b", "a - b"));
  // Nothing was judged: all others count as wrong, as the stage pair has it.
  data() = {record_of({{"a + b", 0}, {"a - b", 0}})};
  run();
  EXPECT_THAT(texts(), ElementsAre("a + b", "a - b"));
  data() = {record_of({{"a + b", 1}}), record_of({{"a + b", 1}, {"b + a", 1}})};
  try {
    run();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()),
              "data set 'data': found no wrong answer near a right one (0 candidates were compared), expected "
              "answers that the stages 'mutate' or 'sample' made and 'judge' judged");
  }
  data().clear();
  EXPECT_NO_THROW(run());
}

/// Whole runs on the tiny model, whose task of sums has numbers for answers.
class FaitRecipe : public ::testing::Test {
 protected:
  testing::Ran run(const std::string& objective, const std::string& train = R"("max_steps": 6)") {
    auto job = testing::tiny_job(folder_.path());
    std::filesystem::remove_all(job.work);
    std::filesystem::remove_all(job.out);
    job.recipe = testing::write_recipe(
        folder_.path(), R"([{"use": "load", "task": "gsm8k"}, {"use": "mutate", "variants": 3, "kinds": ["number"]},
          {"use": "judge"}, {"use": "near_miss", "min_similarity": 0.4},
          {"use": "train", "learning_rate": 0.003, )" +
                            train + R"(, "objective": )" + objective + "}]");
    return testing::run_job(job);
  }
  testing::TemporaryFolder folder_;
};

TEST_F(FaitRecipe, RunsWhole) {
  const auto ran = run(R"({"use": "fait", "alpha": 2})");
  EXPECT_EQ(ran.stages[3].values.at("near_misses"), 24.0);
  EXPECT_EQ(ran.stages[3].values.at("mean_similarity"), 0.5);  // one digit of two
  ASSERT_EQ(ran.steps.size(), 6U);
  EXPECT_LT(ran.steps.back().loss, ran.steps.front().loss);
  for (const auto& step : ran.steps) {
    EXPECT_GT(step.values.at("weight"), 1.0);
    EXPECT_LT(step.values.at("weight"), 3.0);
    EXPECT_NEAR(step.values.at("sensitive"), 0.5, 0.2);
  }
}

// Without extra weight it is supervised fine-tuning, step for step; so it is with static weights of nothing.
TEST_F(FaitRecipe, WithoutExtraWeightItIsSft) {
  const auto wanted = run(R"("sft")");
  for (const auto* objective :
       {R"({"use": "fait", "alpha": 0})", R"({"use": "fait", "alpha": 0, "weight": "static"})"}) {
    const auto found = run(objective);
    ASSERT_EQ(found.steps.size(), wanted.steps.size());
    for (std::size_t step = 0; step < wanted.steps.size(); ++step) {
      EXPECT_NEAR(found.steps[step].loss, wanted.steps[step].loss, 1e-5) << objective;
      EXPECT_EQ(found.steps[step].trained_tokens, wanted.steps[step].trained_tokens) << "the variant is not trained";
    }
  }
}

TEST_F(FaitRecipe, MicroBatchesAreOneStep) {
  const std::string objective = R"({"use": "fait", "alpha": 2, "normaliser": "weight_sum"})";
  const auto wanted = run(objective, R"("max_steps": 3, "shuffle_dataset": false)");
  const auto split = run(objective, R"("max_steps": 3, "shuffle_dataset": false, "gradient_accumulation_steps": 4,
                                       "per_device_train_batch_size": 2)");
  for (std::size_t step = 0; step < 3; ++step) {
    EXPECT_NEAR(split.steps[step].loss, wanted.steps[step].loss, 1e-5);
    EXPECT_NEAR(split.steps[step].gradient_norm, wanted.steps[step].gradient_norm, 1e-4);
  }
}

TEST_F(FaitRecipe, UnknownKindsAreRefused) {
  Options options(parse_json(R"({"use": "mutate", "kinds": ["operater"]})", "test"), "test");
  try {
    make_use(std::move(options), testing::trainer_book().stages, testing::trainer_book());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()),
              "test: key 'kinds': unknown kind of fault 'operater': did you mean 'operator'?");
  }
}

}  // namespace
}  // namespace touchstone
