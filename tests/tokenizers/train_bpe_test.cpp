#include <gtest/gtest.h>

#include "backends/tokenizers/tokenizers.hpp"
#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/model/tokenizer.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

std::unique_ptr<Tokenizer> learnt(const std::vector<std::string>& documents, std::int64_t vocabulary,
                                  const testing::TemporaryFolder& folder) {
  BpeSettings settings;
  settings.vocabulary = vocabulary;
  write_file_atomically(folder.path() / "tokenizer.json", train_bpe(documents, settings));
  return load_tokenizer(folder.path());
}

// "ab" stands 3 times, "abc" twice, " a" once: worked by hand.
TEST(TrainBpe, MergesTheMostFrequentPairFirst) {
  BpeSettings settings;
  settings.vocabulary = 259;
  const auto file = parse_json(train_bpe(std::vector<std::string>{"abc\nabc", "ab a"}, settings), "tokenizer");
  EXPECT_EQ(file["model"]["merges"].dump(), R"([["a","b"],["ab","c"]])");
  EXPECT_EQ(file["model"]["vocab"]["abc"], 258);
  EXPECT_EQ(file["model"]["vocab"]["<|endoftext|>"], 0);
}

TEST(TrainBpe, WritesWhatTheReaderReadsBackWithoutLoss) {
  const testing::TemporaryFolder folder;
  const std::vector<std::string> documents = {"def solve(xs):\n    xs = [x * 2 for x in xs]\n    return sum(xs)\n",
                                              "Question: Tom has 12 apples.\nAnswer: 12", "Grün \xe2\x82\xac 5\n\n  x"};
  const auto tokenizer = learnt(documents, 300, folder);
  EXPECT_EQ(tokenizer->size(), 300);
  for (const auto& document : documents) EXPECT_EQ(tokenizer->decode(tokenizer->encode(document), false), document);
  // A control token's name within a text is that token, as in every tokenizer.
  EXPECT_EQ(tokenizer->encode("x<|endoftext|>").back(), 0);
}

// What the micro benchmarks rely on: a prompt that ends in a line break is tokenised as within the whole text.
TEST(TrainBpe, LineBreaksAndDigitsStandAlone) {
  const testing::TemporaryFolder folder;
  std::vector<std::string> documents(20, "def f(x):\n    return 12 + 12\n");
  const auto tokenizer = learnt(documents, 268, folder);
  const std::string prompt = "def f(x):\n";
  auto whole = tokenizer->encode(prompt + "    return 12");
  const auto start = tokenizer->encode(prompt);
  ASSERT_GT(whole.size(), start.size());
  whole.resize(start.size());
  EXPECT_EQ(whole, start);
  EXPECT_EQ(tokenizer->encode("12").size(), 2U);
  EXPECT_FALSE(tokenizer->id_of("12").has_value());
}

TEST(TrainBpe, SaysWhatIsTooSmall) {
  BpeSettings settings;
  EXPECT_THROW(train_bpe(std::vector<std::string>{"abab"}, settings), Error);  // too little text
  settings.vocabulary = 256;
  EXPECT_THROW(train_bpe(std::vector<std::string>{"abab"}, settings), Error);
}

}  // namespace
}  // namespace touchstone
