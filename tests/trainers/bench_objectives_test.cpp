// What a step of each objective costs beside one of sft.
#include "trainers/bench/bench_objectives.hpp"

#include <gtest/gtest.h>

#include <map>

#include "tests/trainers/tiny.hpp"

namespace touchstone {
namespace {

std::string bench(const Json& options) {
  return bench_objectives(options.dump(), testing::checkpoints(), FamilyBook("family"), testing::trainer_book());
}

TEST(BenchObjectives, EveryObjectiveForGivenAnswersHasItsCost) {
  const testing::TemporaryFolder folder;
  const Json options = {{"model", testing::make_tiny(folder.path() / "tiny").string()},
                        {"batch", 2},
                        {"length", 16},
                        {"steps", 1},
                        {"answers", 3}};
  const auto result = Json::parse(bench(options));
  std::map<std::string, Json> found;
  for (const auto& one : result["objectives"]) {
    const auto name = one["objective"].get<std::string>();
    found[name] = one;
    EXPECT_GT(one["seconds"].get<double>(), 0.0) << name;
    EXPECT_FALSE(one["step"].is_null() && one["live_reference"].is_null()) << name;
    EXPECT_EQ(one["separate_prompts"].is_null(), one["answers"] == 1 || name == "fait") << name;
    for (const auto* key : {"step", "live_reference", "separate_prompts"}) {
      EXPECT_GT(one[key].is_null() ? 1.0 : one[key].get<double>(), 0.0) << name << " " << key;
    }
  }
  for (const auto& name : testing::trainer_book().objectives.names()) {
    const bool of_rollouts = name == "ppo" || name == "grpo" || name == "rloo";
    EXPECT_EQ(found.count(name), of_rollouts ? 0U : 1U) << name;
  }
  EXPECT_TRUE(found["sft"]["live_reference"].is_null());
  EXPECT_TRUE(found["asft"]["step"].is_null());  // the reference's whole distributions: found in every step
  EXPECT_FALSE(found["dpo"]["step"].is_null());
  EXPECT_FALSE(found["dpo"]["live_reference"].is_null());
  EXPECT_TRUE(found["orpo"]["live_reference"].is_null());
  EXPECT_EQ(found["dpo"]["answers"], 3);
}

TEST(BenchObjectives, RefusesALengthThatTheModelHasNot) {
  const testing::TemporaryFolder folder;
  Json options = {{"model", testing::make_tiny(folder.path() / "tiny").string()}, {"length", 4096}};
  EXPECT_THROW(bench(options), Error);
  options["length"] = 3;
  EXPECT_THROW(bench(options), Error);
}

}  // namespace
}  // namespace touchstone
