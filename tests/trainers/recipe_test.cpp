#include "harness/train/recipe.hpp"

#include <gtest/gtest.h>

#include "harness/recipe/recipe_file.hpp"
#include "tests/trainers/tiny.hpp"

namespace touchstone {
namespace {

Recipe read(const std::string& stages, const std::map<std::string, std::string>& set = {}) {
  const Json config = {{"method", "m"}, {"paper", "p"}, {"stages", parse_json(stages, "stages")}};
  return read_recipe(config, "m.json", {.train_on = "sums", .seed = 3, .set = set}, testing::trainer_book());
}

constexpr const char* plain = R"([{"use": "load", "task": "$train_on"}, {"use": "train", "objective": "sft"}])";

TEST(Recipe, StagesAndPlaceholders) {
  const auto recipe = read(plain);
  ASSERT_EQ(recipe.stages.size(), 2U);
  EXPECT_EQ(recipe.stages[1].name, "train");
  EXPECT_NE(recipe.stages[0].options.find(R"("task":"sums")"), std::string::npos) << recipe.stages[0].options;
}

TEST(Recipe, OverridesReachNestedOptions) {
  const auto recipe = read(plain, {{"train.learning_rate", "0.5"}, {"train.objective.use", "\"dft\""}});
  EXPECT_NE(recipe.stages[1].options.find(R"("learning_rate":0.5)"), std::string::npos);
  EXPECT_NE(recipe.stages[1].options.find(R"("objective":{"use":"dft"})"), std::string::npos)
      << recipe.stages[1].options;
}

struct Wrong {
  const char* name;
  const char* stages;
  std::map<std::string, std::string> set;
  const char* expected;  ///< must be in the message
};

class WrongRecipe : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongRecipe, IsRefusedWithTheReason) {
  try {
    read(GetParam().stages, GetParam().set);
    FAIL() << "was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::config);
    const std::string what = error.what();
    EXPECT_NE(what.find("m.json"), std::string::npos) << what;
    EXPECT_NE(what.find(GetParam().expected), std::string::npos) << what;
    EXPECT_EQ(what.find('\n'), std::string::npos) << what;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, WrongRecipe,
    ::testing::Values(
        Wrong{"NoStages", "[]", {}, "at least one stage"}, Wrong{"NotAnObject", "[3]", {}, "expected an object"},
        Wrong{"UnknownStage", R"([{"use": "laod", "task": "x"}])", {}, "did you mean 'load'"},
        Wrong{"UnknownKey", R"([{"use": "load", "task": "x", "limti": 3}])", {}, "limit"},
        Wrong{"MissingKey", R"([{"use": "load"}])", {}, "'task' is missing"},
        Wrong{"WrongType", R"([{"use": "load", "task": "x", "limit": "many"}])", {}, "limit"},
        Wrong{"OutOfRange",
              R"([{"use": "load", "task": "x"}, {"use": "train", "objective": "sft", "learning_rate": -1}])",
              {},
              "learning_rate"},
        Wrong{
            "UnknownObjective", R"([{"use": "load", "task": "x"}, {"use": "train", "objective": "asfd"}])", {}, "asft"},
        Wrong{"UnknownObjectiveKey",
              R"([{"use": "load", "task": "x"}, {"use": "train", "objective": {"use": "sft", "beta": 1}}])",
              {},
              "beta"},
        Wrong{"DataNobodyMade",
              R"([{"use": "load", "task": "x", "as": "mine"}, {"use": "train", "objective": "sft"}])",
              {},
              "needs data set 'data'"},
        Wrong{"ReferenceNobodyMade",
              R"([{"use": "load", "task": "x"}, {"use": "train", "objective": "asft"}])",
              {},
              "needs frozen model 'reference'"},
        Wrong{"FoldWithoutAdapter", R"([{"use": "fold"}])", {}, "needs an adapter"},
        Wrong{"FoldOfASoftPrompt",
              R"([{"use": "adapt", "kind": "prompt_tuning"}, {"use": "fold"}])",
              {},
              "needs an adapter, which no earlier stage makes; they make: a soft prompt"},
        Wrong{"AdapterOfNoKind", R"([{"use": "adapt", "kind": "lora2"}])", {}, "lora"},
        Wrong{"OptionOfAnotherKind", R"([{"use": "adapt", "kind": "ia3", "r": 4}])", {}, "'r'"},
        Wrong{"MergeOfNothing", R"([{"use": "merge", "weights": {}}])", {}, "expected an object of numbers"},
        Wrong{"MergeWithoutNumber", R"([{"use": "merge", "weights": {"": "half"}}])", {}, "expected a number"},
        Wrong{"MergeOfNobody", R"([{"use": "merge", "weights": {"other": 1}}])", {}, "needs frozen model 'other'"},
        Wrong{"SwapWithNobody", R"([{"use": "swap", "with": "other"}])", {}, "needs frozen model 'other'"},
        Wrong{"UnknownPlaceholder", R"([{"use": "load", "task": "$train"}])", {}, "$train_on or $seed"},
        Wrong{
            "WarmConstant",
            R"([{"use": "load", "task": "x"}, {"use": "train", "objective": "sft", "lr_scheduler_type": "constant", "warmup_steps": 3}])",
            {},
            "constant_with_warmup"},
        Wrong{"ConstantWithoutLength",
              R"([{"use": "load", "task": "x"}, {"use": "train", "objective": "sft", "loss_normaliser": "constant"}])",
              {},
              "constant_length"},
        Wrong{"OverrideOfNoStage", plain, {{"tarin.learning_rate", "1"}}, "did you mean 'train'"},
        Wrong{"OverrideOfNoKey", plain, {{"train.learning_rat", "1"}}, "learning_rate"},
        Wrong{"OverrideOfNoSecondStage",
              plain,
              {{"train#2.max_steps", "1"}},
              "the recipe has stage 'train' once, so there is no train#2"},
        Wrong{"OverrideOfStageZero", plain, {{"train#0.max_steps", "1"}}, "with N from 1"},
        Wrong{"OverrideWithoutKey", plain, {{"train", "1"}}, "STAGE.KEY"},
        Wrong{"OverrideThroughANumber",
              R"([{"use": "load", "task": "x"}, {"use": "train", "objective": "sft", "max_steps": 3}])",
              {{"train.max_steps.x", "1"}},
              "has no object at that path"}),
    [](const auto& tested) { return tested.param.name; });

TEST(Recipe, AnOverrideMayMeanOneStageOfSeveral) {
  const auto recipe =
      parse_json(R"({"stages": [{"use": "train", "a": 1}, "load", {"use": "train", "a": 1}]})", "recipe");
  const auto made = override_recipe(recipe, {{"train.a", "2"}, {"train#2.a", "3"}, {"train#1.b", "4"}}, "recipe");
  EXPECT_EQ(made["stages"].dump(), R"([{"use":"train","a":2,"b":4},"load",{"use":"train","a":3}])");
  EXPECT_TRUE(recipe_has_stage(recipe, "train#2.a"));
  EXPECT_FALSE(recipe_has_stage(recipe, "train#3.a"));
  EXPECT_FALSE(recipe_has_stage(recipe, "load#2.a"));
}

TEST(Recipe, DescribesEveryWord) {
  const auto all = parse_json(describe_trainers(testing::trainer_book()), "description");
  EXPECT_EQ(all["objectives"].size(), testing::trainer_book().objectives.names().size());
  EXPECT_EQ(all["stages"].size(), testing::trainer_book().stages.names().size());
  for (const auto& stage : all["stages"]) {
    EXPECT_FALSE(stage["summary"].get<std::string>().empty());
    for (const auto& option : stage["options"]) EXPECT_FALSE(option["help"].get<std::string>().empty());
  }
}

TEST(Recipe, TasksAreLookedForBeforeAnythingRuns) {
  const testing::TemporaryFolder folder;
  auto job = testing::tiny_job(folder.path());
  job.recipe = testing::write_recipe(folder.path(), plain);
  EXPECT_NO_THROW(read_recipe(job, testing::trainer_book()));
  job.train_on = "sum";
  EXPECT_THROW(read_recipe(job, testing::trainer_book()), Error);
}

}  // namespace
}  // namespace touchstone
