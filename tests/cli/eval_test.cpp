// `eval` and `bench` as a user types them, on the model and the data that the repository carries.
#include <gtest/gtest.h>

#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/base/text.hpp"
#include "tests/cli/command.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

using testing::CommandResult;
using testing::touchstone_command;

const std::filesystem::path source = TOUCHSTONE_SOURCE_DIR;

CommandResult eval(std::vector<std::string> words) {
  std::vector<std::string> all = {
      "eval", "--quiet", "--model", source / "models/stories260k", "--data", source / "data/samples"};
  all.insert(all.end(), words.begin(), words.end());
  return touchstone_command(all);
}

// Without a limit tasks are measured one by one, and most of them hold none of the subjects.
TEST(Eval, SubjectsOfAGroup) {
  const auto result = eval({"--tasks", "mmlu", "--subjects", "virology,astronomy", "--shots", "0", "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto scores = Json::parse(result.out)["results"];
  EXPECT_EQ(scores.size(), 2U);
  EXPECT_TRUE(scores.contains("mmlu_virology"));
  EXPECT_TRUE(scores.contains("mmlu_astronomy"));
  const auto misspelt = eval({"--tasks", "mmlu", "--subjects", "virology,astronomi"});
  EXPECT_EQ(misspelt.code, 2);
  EXPECT_NE(misspelt.err.find("'astronomi'"), std::string::npos) << misspelt.err;
}

TEST(Eval, ScoresDoNotDependOnTheBatch) {
  const std::vector<std::string> base = {"--tasks", "mmlu_virology,gsm8k", "--shots", "1", "--limit", "2", "--json"};
  auto one = base;
  one.insert(one.end(), {"--batch-tokens", "17", "--threads", "2"});
  const auto a = eval(base);
  const auto b = eval(one);
  ASSERT_EQ(a.code, 0) << a.err;
  ASSERT_EQ(b.code, 0) << b.err;
  EXPECT_EQ(Json::parse(a.out)["results"], Json::parse(b.out)["results"]);
}

TEST(Eval, SaysThatPromptsLostTokens) {
  const auto result = touchstone_command({"eval", "--model", source / "models/stories260k", "--data",
                                          source / "data/samples", "--tasks", "mmlu_virology", "--shots", "5"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.err.find("longer than the model's context"), std::string::npos) << result.err;
}

TEST(Eval, ADeviceThatIsNotThere) {
  const auto result = eval({"--tasks", "gsm8k", "--device", "cuda:31"});
  EXPECT_EQ(result.code, 2);
  EXPECT_NE(result.err.find("cuda:31"), std::string::npos) << result.err;
  EXPECT_EQ(split(result.err, '\n').size(), 2U) << result.err;
}

TEST(Eval, SelfTestIsAVerdict) {
  const auto result = touchstone_command({"eval", "--model", source / "models/stories260k", "--self-test"});
  EXPECT_EQ(result.code, 0) << result.out << result.err;
  for (const char* word : {"float32", "bfloat16", "1 token a batch", "2 threads", "do not depend"}) {
    EXPECT_NE(result.out.find(word), std::string::npos) << word << "\n" << result.out;
  }
}

TEST(Bench, ScoreAndDecode) {
  for (const char* kind : {"score", "decode"}) {
    const auto result = touchstone_command({"bench", kind, "--model", source / "models/stories260k", "--batch", "4",
                                            "--length", "32", "--steps", "4", "--json"});
    ASSERT_EQ(result.code, 0) << result.err;
    const auto report = Json::parse(result.out);
    EXPECT_GT(report["tokens_per_second"].get<double>(), 0.0);
    EXPECT_GT(report["share_of_matrix_product_rate"].get<double>(), 0.0);
    EXPECT_LT(report["share_of_matrix_product_rate"].get<double>(), 1.5);
  }
}

// Each answer has its own length, and the same text whatever is written beside it.
TEST(Bench, AnswersAFileOfPrompts) {
  const testing::TemporaryFolder folder;
  std::string lines;
  for (int at = 1; at <= 9; ++at) {
    lines += Json{{"prompt", "Once upon a time there were " + std::to_string(at) + " cats"}, {"max_new_tokens", at * 3}}
                 .dump() +
             "\n";
  }
  const auto requests = (folder.path() / "requests.jsonl").string();
  write_file_atomically(requests, lines);
  std::vector<std::string> texts;
  for (const char* batch : {"1", "4"}) {
    const auto out = (folder.path() / batch).string();
    const auto result = touchstone_command({"bench", "decode", "--model", source / "models/stories260k", "--requests",
                                            requests, "--out", out, "--batch", batch, "--json"});
    ASSERT_EQ(result.code, 0) << result.err;
    texts.push_back(read_text_file(out));
    const auto answers = split(texts.back(), '\n');
    ASSERT_EQ(answers.size(), 10U);
    EXPECT_EQ(Json::parse(answers[0])["tokens"], 3);
    EXPECT_EQ(Json::parse(answers[8])["tokens"], 27);
  }
  EXPECT_EQ(texts[0], texts[1]);
  write_file_atomically(requests, "{\"prompt\": \"x\"}\n");
  const auto wrong =
      touchstone_command({"bench", "decode", "--model", source / "models/stories260k", "--requests", requests});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.err.find("requests.jsonl:1"), std::string::npos) << wrong.err;
}

}  // namespace
}  // namespace touchstone
