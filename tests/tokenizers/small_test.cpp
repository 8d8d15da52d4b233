// Tokenizers of every kind that come with the tests, against the tokenizers library (make_small.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "backends/tokenizers/tokenizers.hpp"
#include "harness/base/json.hpp"
#include "harness/base/utf8.hpp"
#include "harness/model/tokenizer.hpp"

namespace touchstone {
namespace {

const std::filesystem::path folder = TOUCHSTONE_SOURCE_DIR "/tests/tokenizers/small";

class Small : public ::testing::TestWithParam<const char*> {
 protected:
  const std::unique_ptr<Tokenizer> tokenizer_ = load_tokenizer(folder / GetParam());
  const Json expected_ = read_json(folder / "cases.json").at(GetParam());
};

using Ids = std::vector<std::int64_t>;

EncodeSettings settings_of(const Json& row) {
  return {.add_special_tokens = row.at("special"), .parse_special_tokens = row.at("parse")};
}

/// Where names in the text are to stay text, the library's Unigram still finds those that are pieces of its vocabulary.
/// Ours never gives a control token for a text that nobody vouches for, so that its ids differ there, on purpose.
bool gives_control_tokens(const Json& row, const Tokenizer& tokenizer) {
  if (row.at("parse")) return false;
  const auto ids = row.at("ids").get<Ids>();
  return std::any_of(ids.begin(), ids.end(), [&](std::int64_t id) {
    const auto name = tokenizer.token(id);
    return name == "<s>" || name == "</s>" || name == "<mask>" ||
           (name == "<unk>" && row.at("text") == "<unk> and <0x41>");
  });
}

TEST_P(Small, GivesTheIdsOfTheLibrary) {
  EXPECT_EQ(tokenizer_->size(), expected_.at("size"));
  ASSERT_GT(expected_.at("cases").size(), 100U);
  for (const auto& row : expected_.at("cases")) {
    const auto text = row.at("text").get<std::string>();
    const auto found = tokenizer_->encode(text, settings_of(row));
    if (!gives_control_tokens(row, *tokenizer_)) {
      EXPECT_EQ(found, row.at("ids").get<Ids>()) << row.dump();
      continue;
    }
    EXPECT_STREQ(GetParam(), "unigram");
    for (const auto* control : {"<s>", "</s>", "<mask>"}) {
      EXPECT_EQ(std::count(found.begin(), found.end(), tokenizer_->id_of(control)), 0) << row.dump();
    }
  }
}

/// The library speaks of whole characters, where a token may be some of the bytes of one.
Encoding::Piece to_characters(Encoding::Piece piece, const std::string& text) {
  if (piece.first == piece.last) return piece;
  while (is_continuation(text[piece.first])) --piece.first;
  while (piece.last < text.size() && is_continuation(text[piece.last])) ++piece.last;
  return piece;
}

TEST_P(Small, SaysWhereEachTokenLies) {
  for (const auto& row : expected_.at("cases")) {
    if (gives_control_tokens(row, *tokenizer_)) continue;
    const auto text = row.at("text").get<std::string>();
    const auto found = tokenizer_->encode_pieces(text, settings_of(row));
    EXPECT_EQ(found.ids, row.at("ids").get<Ids>()) << row.dump();
    ASSERT_EQ(found.pieces.size(), row.at("tokens").size()) << row.dump();
    for (std::size_t at = 0; at < found.pieces.size(); ++at) {
      const auto piece = to_characters(found.pieces[at], text);
      const auto first = row["tokens"][at][0].get<std::size_t>();
      const auto last = row["tokens"][at][1].get<std::size_t>();
      // Of characters that were rewritten together, ours names all.
      EXPECT_TRUE(row.at("resized") ? piece.first <= first : piece.first == first) << at << ' ' << row.dump();
      EXPECT_TRUE(row.at("resized") ? piece.last >= last : piece.last == last) << at << ' ' << row.dump();
    }
  }
}

TEST_P(Small, GivesTheTextsOfTheLibrary) {
  for (const auto& row : expected_.at("cases")) {
    const auto ids = row.at("ids").get<Ids>();
    EXPECT_EQ(tokenizer_->decode(ids, false), row.at("decoded").get<std::string>()) << row.dump();
    EXPECT_EQ(tokenizer_->decode(ids, true), row.at("decoded_plain").get<std::string>()) << row.dump();
  }
  for (const auto& row : expected_.at("broken")) {
    EXPECT_EQ(tokenizer_->decode(row.at("ids").get<Ids>(), true), row.at("decoded").get<std::string>()) << row.dump();
  }
}

TEST_P(Small, NamesItsTokens) {
  for (std::int64_t id = 0; id < tokenizer_->size(); ++id) {
    const auto name = tokenizer_->token(id);
    EXPECT_TRUE(name.empty() || tokenizer_->id_of(name) == id) << name;
  }
  EXPECT_EQ(tokenizer_->id_of("no such token"), std::nullopt);
  EXPECT_EQ(tokenizer_->bos(), std::nullopt);  // a tokenizer.json alone does not say which it is
  EXPECT_EQ(tokenizer_->hash().size(), 64U);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Small, ::testing::Values("byte_bpe", "metaspace_bpe", "word_piece", "unigram"));

}  // namespace
}  // namespace touchstone
