// Metrics beside the benchmarks' own, from the command line to the report, on a model that the repository carries.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/store/store.hpp"
#include "tests/cli/command.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

using ::testing::HasSubstr;
using testing::touchstone_command;

const std::filesystem::path micro_text = std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "models/micro-text";

const Score* find_score(const MeasureRow& row, const std::string& metric) {
  for (const auto& score : row.scores) {
    if (score.metric == metric) return &score;
  }
  return nullptr;
}

TEST(FurtherMetricsCommand, EvalMeasuresThem) {
  const std::vector<std::string> words = {"eval",        "--quiet", "--model", micro_text, "--tasks",
                                          "micro-gsm8k", "--limit", "4",       "--json"};
  const auto with = [&](std::vector<std::string> more) {
    auto all = words;
    all.insert(all.end(), more.begin(), more.end());
    return touchstone_command(all);
  };
  const auto found =
      with({"--reference", micro_text, "--metrics",
            R"(["kl_forward", "kl_reverse", "token_entropy", {"use": "pass_at", "samples": 3, "k": [1, 3]}])"});
  ASSERT_EQ(found.code, 0) << found.err;
  const auto scores = Json::parse(found.out)["results"]["micro-gsm8k"];
  EXPECT_EQ(scores["kl_forward"], 0.0);  // from itself
  EXPECT_EQ(scores["kl_reverse"], 0.0);
  EXPECT_GT(scores["token_entropy"].get<double>(), 0.0);
  EXPECT_LE(scores["pass@1"].get<double>(), scores["pass@3"].get<double>());
  EXPECT_TRUE(scores.contains("kl_forward_stderr"));

  const auto alone = with({"--metrics", "kl_forward"});
  EXPECT_EQ(alone.code, 2);
  EXPECT_THAT(alone.err, HasSubstr("--reference DIR"));
  const auto misspelt = with({"--metrics", "kl_foward"});
  EXPECT_EQ(misspelt.code, 2);
  EXPECT_THAT(misspelt.err, HasSubstr("did you mean 'kl_forward'"));
  const auto stranger = with(
      {"--metrics", "kl_forward", "--reference", std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "models/stories260k"});
  EXPECT_EQ(stranger.code, 2);
  EXPECT_THAT(stranger.err, HasSubstr("another tokenizer or vocabulary"));
}

TEST(FurtherMetricsCommand, APlanComparesWithItsBase) {
  const testing::TemporaryFolder folder;
  const Json plan = {
      {"name", "measures"},
      {"models", {micro_text.string()}},
      {"methods", {"sft"}},
      {"train_on", {"micro-gsm8k"}},
      {"seeds", {1, 2}},
      {"threads", 1},
      {"set", {{"train.max_steps", 2}, {"train.per_device_train_batch_size", 4}, {"train.learning_rate", 1e-3}}},
      {"measure_on",
       {{{"tasks", {"micro-gsm8k"}},
         {"limit", 6},
         {"metrics",
          {"kl_forward", "kl_reverse", "deviation", Json{{"use", "by"}, {"fact", "operations"}},
           Json{{"use", "avg_at"}, {"samples", 2}}}}},
        {{"tasks", {"micro-truthfulqa"}}, {"limit", 6}}}},
      {"claims",
       {{{"text", "It moves."},
         {"arm", "sft"},
         {"against", "base"},
         {"of", "score"},
         {"task", "micro-gsm8k"},
         {"metric", "kl_forward"},
         {"expect", "lower"}}}}};
  const auto file = folder.path() / "plan.json";
  write_file_atomically(file, plan.dump());
  const auto db = (folder.path() / "results.sqlite").string();
  const std::vector<std::string> run = {"run", file.string(), "--db", db, "--quiet"};
  const auto first = touchstone_command(run);
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("2 cells done"));
  EXPECT_THAT(first.out, HasSubstr("kl_forward on micro-gsm8k, sft - base"));
  const auto again = touchstone_command(run);
  EXPECT_THAT(again.out, HasSubstr("0 cells done, 2 stored before"));
  const Store store(db, Store::Open::read_only);
  int tuned = 0;
  for (const auto& row : store.measures()) {
    if (row.task != "micro-gsm8k") continue;
    const auto settings = Json::parse(row.settings_json);
    EXPECT_EQ(settings["reference"], store.models().front().hash);
    const auto* forward = find_score(row, "kl_forward");
    const auto* reverse = find_score(row, "kl_reverse");
    ASSERT_NE(forward, nullptr);
    ASSERT_NE(reverse, nullptr);
    EXPECT_NE(find_score(row, "score[operations=new]"), nullptr);
    EXPECT_EQ(store.samples(row.id).at(0).drawn.size(), 2U);
    if (row.model == store.models().front().id) {
      EXPECT_EQ(forward->value, 0.0);
      EXPECT_EQ(find_score(row, "deviation")->value, 0.0);
      continue;
    }
    ++tuned;
    EXPECT_GT(forward->value, 0.0);
    EXPECT_GT(reverse->value, 0.0);
    for (const auto& item : store.items(row.id, "kl_forward")) EXPECT_GE(item.value, 0.0);
  }
  EXPECT_EQ(tuned, 2);
  const auto report = touchstone_command({"report", "--db", db, "--section", "metrics", "--format", "csv"});
  ASSERT_EQ(report.code, 0) << report.err;
  EXPECT_THAT(report.out, HasSubstr("kl_forward,sft,micro-gsm8k trained on"));
  const auto line = touchstone_command({"report", "--db", db, "--section", "forgetting", "--format", "md"});
  EXPECT_THAT(line.out, HasSubstr("2 cells and too few")) << line.err;
}

}  // namespace
}  // namespace touchstone
