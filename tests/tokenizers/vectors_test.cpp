#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "harness/base/json.hpp"
#include "harness/model/tokenizer.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

// Texts and ids of real tokenizers, made by llama.cpp's project with the original implementations.
class Vectors : public ::testing::TestWithParam<const char*> {};

TEST_P(Vectors, HoldInBothDirections) {
  TOUCHSTONE_SHARED_OR_SKIP(folder, std::string("data/tokenizers/") + GetParam());
  const auto tokenizer = load_tokenizer(folder);
  const auto vectors = read_json(folder / "vectors.json");
  ASSERT_EQ(vectors.size(), 46U);
  for (const auto& vector : vectors) {
    const auto text = vector.at("text").get<std::string>();
    const auto ids = vector.at("ids").get<std::vector<std::int64_t>>();
    EXPECT_EQ(tokenizer->encode(text, {.add_special_tokens = false}), ids) << text;
    EXPECT_EQ(tokenizer->decode(ids, false), text);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, Vectors, ::testing::Values("neox_pythia", "qwen3"));

TEST(Stories260k, IdsOfTheReference) {
  TOUCHSTONE_SHARED_OR_SKIP(folder, "data/model_stories260k");
  const auto tokenizer = load_tokenizer(folder / "hf");
  EXPECT_EQ(tokenizer->size(), 512);
  EXPECT_EQ(tokenizer->bos(), 1);
  EXPECT_EQ(tokenizer->eos(), 2);
  EXPECT_EQ(tokenizer->model_max_length(), 512);
  for (const auto& row : read_json(folder / "reference.json")) {
    EXPECT_EQ(tokenizer->encode(row.at("text").get<std::string>()), row.at("ids").get<std::vector<std::int64_t>>());
    auto ids = row.at("ids").get<std::vector<std::int64_t>>();
    for (const auto& id : row.at("greedy_ids")) ids.push_back(id.get<std::int64_t>());
    EXPECT_EQ(tokenizer->decode(ids, true), row.at("greedy_text").get<std::string>());
  }
}

}  // namespace
}  // namespace touchstone
