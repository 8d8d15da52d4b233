// A prompt that is longer than the model's context is cut on its left; this is said, and recorded with the sample.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/files.hpp"
#include "harness/store/store.hpp"
#include "tests/cli/bad_input.hpp"
#include "tests/cli/command.hpp"
#include "tests/support/support.hpp"

namespace touchstone::testing {
namespace {
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;

void expect_recorded(const std::filesystem::path& database) {
  const Store store(database, Store::Open::read_only);
  const auto measures = store.measures();
  ASSERT_FALSE(measures.empty());
  EXPECT_THAT(measures[0].warnings,
              Contains(Field(&Warning::text, HasSubstr("gsm8k: 3 of 3 prompts are longer than the model's context"))));
  for (const auto& sample : store.samples(measures[0].id)) {
    EXPECT_GT(sample.truncated_tokens, 0) << sample.example_id;
    EXPECT_LE(sample.prompt_tokens - sample.truncated_tokens, 512) << sample.example_id;
    EXPECT_GT(sample.prompt.size(), 2000U) << "the prompt is kept whole";
  }
}

// Five worked examples of gsm8k have some thousand tokens; the carried model reads 512.
TEST(LongPrompt, EvalSaysAndRecords) {
  const TemporaryFolder folder;
  const auto database = folder.path() / "r.sqlite";
  const auto result = touchstone_command(
      {"eval", "--model", "stories260k", "--tasks", "gsm8k", "--limit", "3", "--db", database.string(), "--quiet"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("3 of 3 prompts are longer than the model's context and were cut on the left"));
  expect_recorded(database);
}

TEST(LongPrompt, RunSaysAndRecords) {
  const TemporaryFolder folder;
  const auto database = folder.path() / "r.sqlite";
  const Json plan = {{"name", "p"},
                     {"models", {"stories260k"}},
                     {"methods", {"sft"}},
                     {"train_on", {"gsm8k"}},
                     {"seeds", {1}},
                     {"measure_on", {{{"tasks", {"gsm8k"}}, {"limit", 3}}}},
                     {"set", {{"load.limit", 4}, {"train.max_steps", 1}}}};
  put(folder.path() / "plan.json", plan.dump());
  const auto result =
      touchstone_command({"run", (folder.path() / "plan.json").string(), "--db", database.string(), "--quiet"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("3 of 3 prompts are longer than the model's context and were cut on the left"));
  expect_recorded(database);
}

}  // namespace
}  // namespace touchstone::testing
