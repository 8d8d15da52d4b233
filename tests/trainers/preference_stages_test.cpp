// Stages that make, judge and pair answers.
#include <gmock/gmock.h>

#include "harness/data/made_file.hpp"
#include "tests/trainers/data_stages.hpp"

namespace touchstone {
namespace {

using testing::DataStages;
using ::testing::ElementsAre;
using testing::ids;
using testing::record_of;
using testing::texts;
namespace fs = std::filesystem;

TEST_F(DataStages, PairTakesTheFirstAnswerAndOnesThatLost) {
  data() = {record_of("a", {{"gold", 1}, {"wrong", 0}, {"right too", 1}, {"gold", 1}}),
            record_of("b", {{"gold", 1}, {"right too", 1}}), record_of("c", {{"gold", 0}, {"other", 0}})};
  run(R"({"use": "pair"})");
  EXPECT_THAT(ids(data()), ElementsAre("a", "c"));  // of b nothing lost
  EXPECT_THAT(texts(data()[0]), ElementsAre("gold", "wrong"));
  EXPECT_THAT(texts(data()[1]), ElementsAre("gold", "other"));  // nothing was judged: all others lost
  EXPECT_EQ(data()[0].answers[0].reward, 1.0);
  EXPECT_EQ(data()[0].answers[1].reward, -1.0);
  EXPECT_EQ(session_.values.at("rows_dropped"), 1.0);
}

TEST_F(DataStages, PairMayTakeTheBest) {
  data() = {record_of("a", {{"poor", 0.2}, {"best", 0.9}, {"worst", 0.1}})};
  run(R"({"use": "pair", "better": "best", "worse": 2})");
  EXPECT_EQ(data()[0].answers[0].text, "best");
  EXPECT_THAT(texts(data()[0]), ::testing::UnorderedElementsAre("best", "poor", "worst"));
  data() = {record_of("a", {{"only", 1}})};
  EXPECT_THROW(run(R"({"use": "pair"})"), Error);
  data().clear();
  EXPECT_NO_THROW(run(R"({"use": "pair"})"));
}

TEST_F(DataStages, MismatchGivesEachRowTheAnswersOfTheOneBefore) {
  const auto rows = [&] {
    data() = {record_of("a", {{"a1", 1}}), record_of("b", {{"b1", 1}, {"b2", -1}}), record_of("c", {{"c1", -1}})};
  };
  rows();
  run(R"({"use": "mismatch"})");
  EXPECT_THAT(texts(data()[0]), ElementsAre("a1", "c1"));
  EXPECT_THAT(texts(data()[1]), ElementsAre("b1", "b2", "a1"));
  EXPECT_THAT(texts(data()[2]), ElementsAre("c1", "b1", "b2"));
  EXPECT_EQ(data()[1].answers[1].reward, -1.0);
  EXPECT_EQ(data()[1].answers[2].reward, 0.0);
  EXPECT_EQ(session_.values.at("answers_added"), 4.0);
  rows();
  data().push_back(record_of("d", {{"d1", 1}}));
  data().push_back(record_of("e", {{"e1", 1}}));
  run(R"({"use": "mismatch", "rows": 2})");  // blocks a b and c d e: one alone joins those before it
  EXPECT_THAT(texts(data()[0]), ElementsAre("a1", "b1", "b2"));
  EXPECT_THAT(texts(data()[2]), ElementsAre("c1", "e1"));
  EXPECT_THAT(texts(data()[4]), ElementsAre("e1", "d1"));
  data() = {record_of("a", {{"a1", 1}})};
  EXPECT_THROW(run(R"({"use": "mismatch"})"), Error);
  data() = {record_of("a", {{"a1", 0}}), record_of("b", {{"b1", 1}})};
  EXPECT_THROW(run(R"({"use": "mismatch"})"), Error);
  EXPECT_THROW(run(R"({"use": "mismatch", "rows": 1})"), Error);
}

TEST_F(DataStages, JudgeScoresByTheTargets) {
  auto example = std::make_shared<Example>();
  example->targets = {"7"};
  data() = {record_of("a", {{" 7", 0}, {"8", 0}}), record_of("b", {{"9", 0}})};
  for (auto& record : data()) {
    record.example = example;
    record.task = "sums";
  }
  run(R"({"use": "judge"})");
  EXPECT_EQ(data()[0].answers[0].reward, 1.0);
  EXPECT_EQ(data()[0].answers[1].reward, 0.0);
  EXPECT_EQ(session_.values.at("mean_reward"), 1.0 / 3);
  run(R"({"use": "judge", "keep": "right"})");
  ASSERT_EQ(data().size(), 1U);
  EXPECT_THAT(texts(data()[0]), ElementsAre(" 7"));
  data()[0].example.reset();
  EXPECT_THROW(run(R"({"use": "judge"})"), Error);
}

// Answers that a judge found worth nothing are not such that no judge has seen.
TEST_F(DataStages, AnswersJudgedWrongAreNoBetterThanEachOther) {
  data() = {record_of("a", {{"8", 0}, {"9", 0}}), record_of("b", {{"8", 0}, {"7", 0}})};
  auto example = std::make_shared<Example>();
  example->targets = {"7"};
  for (auto& record : data()) {
    record.example = example;
    record.task = "sums";
  }
  run(R"({"use": "judge"})");
  run(R"({"use": "pair", "better": "best"})");
  EXPECT_THAT(ids(data()), ElementsAre("b"));
  EXPECT_THAT(texts(data()[0]), ElementsAre("7", "8"));
}

TEST_F(DataStages, ElicitRanksWithTheNewestFirstAmongEquals) {
  data() = {record_of("mixed", {{"w", 0.5}, {"l", 0.0}, {"y", 1.0}}), record_of("tie", {{"w", 1}, {"l", 1}, {"y", 1}}),
            record_of("low", {{"w", 1.0}, {"l", 0.0}, {"y", 0.0}})};
  run(R"({"use": "elicit"})");
  ASSERT_THAT(ids(data()), ElementsAre("mixed", "low"));
  EXPECT_THAT(texts(data()[0]), ElementsAre("y", "l", "y"));
  EXPECT_THAT(texts(data()[1]), ElementsAre("w", "y", "y"));
  EXPECT_EQ(session_.values.at("own_is_best"), 0.5);
}

TEST_F(DataStages, SplitsNestAndNeverOverlap) {
  const auto parts = [&](const std::string& options) {
    session_.data.clear();
    for (int row = 0; row < 20; ++row) data().push_back(record_of(std::to_string(row), {{"x", 0}}));
    run(R"({"use": "split", )" + options + "}");
    return std::pair(ids(session_.data.at("first")), ids(session_.data.at("second")));
  };
  const auto [first, second] = parts(R"("share": 0.25)");
  EXPECT_EQ(first.size(), 5U);
  EXPECT_EQ(second.size(), 15U);
  std::set<std::string> all(first.begin(), first.end());
  all.insert(second.begin(), second.end());
  EXPECT_EQ(all.size(), 20U);
  const auto [small_first, small_second] = parts(R"("share": 0.25, "budget": 8)");
  EXPECT_TRUE(std::equal(small_first.begin(), small_first.end(), first.begin()));
  EXPECT_TRUE(std::equal(small_second.begin(), small_second.end(), second.begin()));
  // Counts: n_first + price n_second stays within the budget, by less than max(1, price).
  for (const double price : {0.5, 1.0, 3.0}) {
    for (const double share : {0.0, 0.01, 0.1, 0.5, 1.0}) {
      const auto [a, b] =
          parts(R"("budget": 10, "share": )" + std::to_string(share) + R"(, "price": )" + std::to_string(price));
      const auto spent = static_cast<double>(a.size()) + price * static_cast<double>(b.size());
      EXPECT_LE(spent, 10.0 + 1e-9);
      EXPECT_GT(spent, 10.0 - std::max(1.0, price));
    }
  }
  EXPECT_THROW(parts(R"("budget": 21)"), Error);
}

TEST_F(DataStages, ContrastKeepsTheUnlike) {
  const auto made = [&](const std::string& options) {
    data() = {record_of("a", {{"the cat sat on the mat", 0},
                              {"the cat sat on the mat.", 0},
                              {"the cat sat on a hat", 0},
                              {"quite another thing", 0},
                              {"the dog sat on the mat", 0}})};
    run(R"({"use": "contrast", )" + options + "}");
    auto found = texts(data()[0]);
    EXPECT_EQ(found.front(), "the cat sat on the mat");
    found.erase(found.begin());
    std::sort(found.begin(), found.end());
    return found;
  };
  // Three of four pass; the one most like the data's own goes.
  EXPECT_THAT(made(R"("negatives": 3)"),
              ElementsAre("quite another thing", "the cat sat on a hat", "the dog sat on the mat"));
  EXPECT_THAT(made(R"("negatives": 1, "share": 0.25)"), ElementsAre("quite another thing"));
  EXPECT_THAT(made(R"("negatives": 3, "share": 1)").size(), 3U);  // all but one even so
  EXPECT_THROW(made(R"("negatives": 4, "share": 1)"), Error);
  EXPECT_THAT(made(R"("negatives": 1, "least": 3)").size(), 1U);
  EXPECT_THROW(made(R"("negatives": 1, "least": 4)"), Error);
  data() = {record_of("same", {{"x", 0}, {"y", 0}, {"y", 0}, {"x", 0}})};
  EXPECT_THROW(run(R"({"use": "contrast"})"), Error);  // one unique answer, and one less is kept
}

TEST_F(DataStages, StretchesAreWeighedFromOneTextToTheNext) {
  data() = {record_of("a", {{"Q: x A: 1 Q: y A: 2 Q: open", 0}, {"no question", 0}})};
  run(R"({"use": "weigh", "from": "Q:", "to": "A:", "weight": 0.25})");
  const auto& found = data()[0].answers[0].spans;
  ASSERT_EQ(found.size(), 2U);  // what does not end counts as it did
  EXPECT_EQ(data()[0].answers[0].text.substr(0, 7), "Q: x A:");
  EXPECT_EQ(std::pair(found[0].first, found[0].last), std::pair(0, 7));
  EXPECT_EQ(std::pair(found[1].first, found[1].last), std::pair(10, 17));
  EXPECT_EQ(found[1].weight, 0.25);
  EXPECT_TRUE(data()[0].answers[1].spans.empty());
  EXPECT_EQ(session_.values.at("stretches"), 2.0);
  EXPECT_THROW(run(R"({"use": "weigh", "from": "", "to": "A:"})"), Error);
}

/// Whole recipes on the tiny model.
class PreferenceRecipes : public ::testing::Test {
 protected:
  testing::Ran run(const std::string& stages) {
    auto job = testing::tiny_job(folder_.path());
    job.recipe = testing::write_recipe(folder_.path(), stages);
    fs::remove_all(records_folder(job.out));  // what an earlier run made
    return testing::run_job(job);
  }
  std::string pairs(const std::string& reference, const std::string& train) {
    return R"([{"use": "load", "task": "sums"}, {"use": "sample", "answers": 3, "max_new_tokens": 6},
               {"use": "pair", "worse": 2}, {"use": "reference")" +
           reference + R"(}, {"use": "train", "learning_rate": 0.003, "per_device_train_batch_size": 4, )" + train +
           "}]";
  }
  testing::TemporaryFolder folder_;
};

TEST_F(PreferenceRecipes, DpoStartsAtLogTwoAndTellsThePairsApart) {
  const auto ran = run(pairs("", R"("max_steps": 20, "objective": {"use": "dpo", "beta": 0.3})"));
  EXPECT_NEAR(ran.steps.front().loss, 0.693147, 1e-5);
  EXPECT_NEAR(ran.steps.front().values.at("margin"), 0.0, 1e-5);
  EXPECT_LT(ran.steps.back().loss, 0.3);
  EXPECT_EQ(ran.steps.back().values.at("accuracy"), 1.0);
  EXPECT_EQ(ran.stages[1].values.at("answers_written"), 72.0);
}

TEST_F(PreferenceRecipes, KtoBeginsAtOneHalfAndTellsGoodFromBad) {
  const auto ran = run(R"([{"use": "load", "task": "sums"}, {"use": "sample", "answers": 2, "max_new_tokens": 6},
      {"use": "pair"}, {"use": "mismatch"}, {"use": "reference"},
      {"use": "train", "learning_rate": 0.003, "per_device_train_batch_size": 4, "max_steps": 20,
       "objective": {"use": "kto", "beta": 0.3}}])");
  EXPECT_NEAR(ran.steps.front().loss, 0.5, 1e-5);  // where the model is its reference, for good and for bad
  EXPECT_NEAR(ran.steps.front().values.at("z0"), 0.0, 1e-5);
  EXPECT_LT(ran.steps.back().loss, 0.4);
}

TEST_F(PreferenceRecipes, FreshNegativesEachEpoch) {
  const auto train = [&](int answers, const std::string& negatives, const std::string& epochs) {
    return run(R"([{"use": "load", "task": "sums", "limit": 8},
        {"use": "sample", "answers": )" +
               std::to_string(answers) + R"(, "max_new_tokens": 6, "keep_repeats": true},
        {"use": "reference"}, {"use": "train", "objective": {"use": "discriminative")" +
               negatives + R"(}, "num_train_epochs": )" + epochs + "}]");
  };
  const auto all = train(4, "", "2");
  const auto fresh = train(4, R"(, "negatives": 2)", "2");
  const auto two = train(2, "", "1");
  ASSERT_EQ(fresh.steps.size(), 2U);
  EXPECT_LT(fresh.steps[0].trained_tokens, all.steps[0].trained_tokens);
  EXPECT_EQ(fresh.steps[0].trained_tokens, two.steps[0].trained_tokens);  // the first two of the same four
  EXPECT_EQ(fresh.steps[0].loss, two.steps[0].loss);
  // Both epochs together have seen every answer once, the row's own twice.
  const auto own = 2 * two.steps[0].trained_tokens;
  EXPECT_LT(fresh.steps[1].trained_tokens, own + all.steps[0].trained_tokens);
  EXPECT_NE(fresh.steps[1].trained_tokens, fresh.steps[0].trained_tokens);
}

TEST_F(PreferenceRecipes, WrappedRowsTrain) {
  const auto ran = run(R"([{"use": "load", "task": "sums"},
      {"use": "train", "objective": "sft", "packing": true, "packing_strategy": "wrapped", "packing_length": 20,
       "learning_rate": 0.01, "per_device_train_batch_size": 2, "num_train_epochs": 4}])");
  EXPECT_LT(ran.steps.back().loss, ran.steps.front().loss);
  const auto& values = ran.stages.back().values;
  EXPECT_EQ(values.at("rows_wrapped"), std::ceil(values.at("tokens_total") / 20));
}

TEST_F(PreferenceRecipes, QuantilesTrainAShareOfTheTokens) {
  const auto kept = [&](const std::string& share) {
    const auto ran = run(R"([{"use": "load", "task": "sums"}, {"use": "reference"},
        {"use": "train", "max_steps": 1, "per_device_train_batch_size": 24,
         "objective": {"use": "probability_family", "form": "top_nll", "threshold_is_quantile": true, "threshold": )" +
                         share + "}}]");
    return ran.steps.front().values.at("kept");
  };
  EXPECT_NEAR(kept("0.9"), 0.1, 0.03);
  EXPECT_NEAR(kept("0.1"), 0.9, 0.03);
}

TEST_F(PreferenceRecipes, AdaptersNeedNoCopyOfTheModel) {
  auto stages = pairs("", R"("max_steps": 12, "learning_rate": 0.02, "objective": {"use": "dpo", "beta": 0.3})");
  stages.replace(stages.find(R"("learning_rate": 0.003, )"), 24, "");
  stages.insert(stages.find(R"({"use": "train")"), R"({"use": "adapt", "r": 4}, )");
  const auto ran = run(stages);
  EXPECT_NEAR(ran.steps.front().loss, 0.693147, 1e-5);
  EXPECT_LT(ran.steps.back().loss, 0.5);
}

TEST_F(PreferenceRecipes, EqualSeedsWriteEqualAnswers) {
  const auto stages = pairs("", R"("max_steps": 3, "objective": "simpo")");
  EXPECT_EQ(run(stages).result.model_hash, run(stages).result.model_hash);
}

TEST_F(PreferenceRecipes, AReferenceOfOtherTokensIsRefused) {
  try {
    run(pairs(R"(, "max_length": 7)", R"("max_steps": 3, "objective": "dpo")"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("same max_length"), std::string::npos) << error.what();
  }
}

TEST_F(PreferenceRecipes, WhatAnObjectiveNeedsIsCheckedBeforeAnythingRuns) {
  const auto fails_with = [&](const std::string& stages, const std::string& words) {
    try {
      run(stages);
      ADD_FAILURE() << "was taken";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  };
  fails_with(R"([{"use": "load", "task": "sums"}, {"use": "train", "objective": "dpo"}])",
             "needs reference log-probabilities of data set 'data'");
  fails_with(R"([{"use": "load", "task": "sums"}, {"use": "train", "objective": "simpo"}])",
             "1 answers, expected at least 2");
  fails_with(
      R"([{"use": "load", "task": "sums"}, {"use": "train", "objective": "simpo", "loss_normaliser": "sequence_sum"}])",
      "expected token_mean: an objective over whole answers is a mean over records");
}

TEST_F(PreferenceRecipes, AShareOfNothingTrainsNothing) {
  const auto stages = [](const char* share) {
    return std::string(R"([{"use": "load", "task": "sums"}, {"use": "split", "share": )") + share +
           R"(}, {"use": "train", "on": "first", "objective": "sft", "max_steps": 2},
              {"use": "sample", "on": "second", "answers": 2, "max_new_tokens": 4}, {"use": "pair", "on": "second"},
              {"use": "reference", "on": "second"},
              {"use": "train", "on": "second", "objective": "dpo", "max_steps": 2}])";
  };
  const auto none = run(stages("0"));
  ASSERT_EQ(none.steps.size(), 2U);
  EXPECT_NEAR(none.steps.front().loss, 0.693147, 1e-5);
  const auto all = run(stages("1"));
  ASSERT_EQ(all.steps.size(), 2U);
  EXPECT_EQ(all.steps.front().stage, 2);
  EXPECT_EQ(run(stages("0.5")).steps.size(), 4U);
}

TEST_F(PreferenceRecipes, CriticalTokensOfAModelThatKnows) {
  // The tiny model first learns the sums; then the tokens of its own right answers are tried.
  const auto ran = run(R"([{"use": "load", "task": "sums"},
      {"use": "train", "objective": "sft", "learning_rate": 0.01, "per_device_train_batch_size": 8, "max_steps": 120},
      {"use": "sample", "temperature": 0, "replace": true, "keep_repeats": true, "max_new_tokens": 6},
      {"use": "judge", "keep": "right"}, {"use": "mark_critical", "max_new_tokens": 6},
      {"use": "train", "objective": "critical_token", "learning_rate": 0.001, "max_steps": 3}])");
  const auto& judged = ran.stages[3].values;
  ASSERT_GT(judged.at("rows"), 12.0);
  const auto& marked = ran.stages[4].values;
  EXPECT_EQ(marked.at("answers_written"), 2 * marked.at("tokens"));
  // Where a sum has one digit alone another one is always wrong.
  EXPECT_GT(marked.at("critical_tokens"), 0.5 * marked.at("tokens"));
  EXPECT_LE(marked.at("critical_tokens"), marked.at("tokens"));
  EXPECT_GT(ran.steps.back().values.at("critical"), 0.0);
}

TEST_F(PreferenceRecipes, TokensToCompareCriticalOnesWith) {
  const auto marked = [this](const std::string& mark) {
    return run(R"([{"use": "load", "task": "sums"},
      {"use": "train", "objective": "sft", "learning_rate": 0.01, "per_device_train_batch_size": 8, "max_steps": 120},
      {"use": "sample", "temperature": 0, "replace": true, "keep_repeats": true, "max_new_tokens": 6},
      {"use": "judge", "keep": "right"}, {"use": "mark_critical", "max_new_tokens": 6, "mark": ")" +
               mark + R"("},
      {"use": "train", "objective": "critical_token", "learning_rate": 0.001, "max_steps": 3}])");
  };
  const auto critical = marked("critical");
  const auto random = marked("random");
  const auto all = marked("all");
  EXPECT_EQ(random.stages[4].values.at("critical_tokens"), critical.stages[4].values.at("critical_tokens"));
  EXPECT_EQ(random.stages[4].values.at("tokens"), critical.stages[4].values.at("tokens"));
  EXPECT_EQ(marked("entropy").stages[4].values.at("critical_tokens"), critical.stages[4].values.at("critical_tokens"));
  EXPECT_EQ(all.stages[4].values.at("critical_tokens"), all.stages[4].values.at("tokens"));
  EXPECT_EQ(all.stages[4].values.count("answers_written"), 0U);
  EXPECT_GE(all.steps.back().values.at("critical"), critical.steps.back().values.at("critical"));
}

}  // namespace
}  // namespace touchstone
