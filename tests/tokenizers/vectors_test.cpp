#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <unordered_map>
#include <vector>

#include "backends/tokenizers/tokenizers.hpp"
#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/base/text.hpp"
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

/// Texts and ids of a family against a folder with its tokenizer.json.
void expect_vectors(const std::filesystem::path& folder, const std::filesystem::path& vectors_file, bool reversible) {
  const auto tokenizer = load_tokenizer(folder);
  const auto vectors = read_json(vectors_file);
  ASSERT_EQ(vectors.size(), 46U);
  for (const auto& vector : vectors) {
    const auto text = vector.at("text").get<std::string>();
    const auto ids = vector.at("ids").get<std::vector<std::int64_t>>();
    EXPECT_EQ(tokenizer->encode(text, {.add_special_tokens = false}), ids) << text;
    const auto back = tokenizer->decode(ids, false);
    // What is lost (case, accents, spaces) is lost in encoding: the text that comes back has the same ids again.
    if (reversible) {
      EXPECT_EQ(back, text);
    } else if (back.find("[UNK]") == std::string::npos) {
      EXPECT_EQ(tokenizer->encode(back, {.add_special_tokens = false}), ids) << text;
    }
  }
}

void write_tokenizer(const std::filesystem::path& folder, const Json& parts) {
  Json all = {
      {"version", "1.0"},      {"truncation", nullptr},    {"padding", nullptr},        {"added_tokens", Json::array()},
      {"normalizer", nullptr}, {"pre_tokenizer", nullptr}, {"post_processor", nullptr}, {"decoder", nullptr}};
  all.update(parts);
  write_file_atomically(folder / "tokenizer.json", all.dump());
}

// GPT-2 in its own files, put together as transformers' converter does.
TEST(Gpt2, HoldsInBothDirections) {
  TOUCHSTONE_SHARED_OR_SKIP(source, "data/tokenizers/gpt2");
  Json merges = Json::array();
  const auto lines = split(read_text_file(source / "merges.txt"), '\n');
  for (std::size_t at = 1; at < lines.size(); ++at) {
    if (!lines[at].empty()) merges.push_back(lines[at]);
  }
  const Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  const testing::TemporaryFolder folder;
  write_tokenizer(folder.path(), {{"pre_tokenizer", bytes},
                                  {"decoder", bytes},
                                  {"model",
                                   {{"type", "BPE"},
                                    {"dropout", nullptr},
                                    {"unk_token", nullptr},
                                    {"continuing_subword_prefix", ""},
                                    {"end_of_word_suffix", ""},
                                    {"fuse_unk", false},
                                    {"vocab", read_json(source / "vocab.json")},
                                    {"merges", merges}}}});
  expect_vectors(folder.path(), source / "vectors.json", true);
}

/// Pieces and scores of a llama2.c export.
struct Piece {
  std::string text;
  float score = 0.0F;
};

std::vector<Piece> read_pieces(const std::filesystem::path& path) {
  const auto bytes = read_text_file(path);
  std::vector<Piece> pieces;
  for (std::size_t at = 4; at < bytes.size();) {
    Piece piece;
    std::int32_t length = 0;
    std::memcpy(&piece.score, bytes.data() + at, 4);
    std::memcpy(&length, bytes.data() + at + 4, 4);
    piece.text = bytes.substr(at + 8, static_cast<std::size_t>(length));
    at += 8 + static_cast<std::size_t>(length);
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

struct Merge {
  std::string left, right;
  std::int64_t left_id, right_id;
  float score;
};

/// All ways to put a piece together of two others, best piece first, as transformers' converter of SentencePiece does.
Json merges_of(const std::vector<std::string>& names, const std::vector<Piece>& pieces, const Json& vocabulary) {
  std::vector<Merge> merges;
  std::unordered_map<std::string, std::int64_t> ids;
  for (const auto& item : vocabulary.items()) ids[item.key()] = item.value().get<std::int64_t>();
  for (std::size_t at = 259; at < names.size(); ++at) {
    for (std::size_t cut = 1; cut < names[at].size(); ++cut) {
      const auto left = ids.find(names[at].substr(0, cut));
      const auto right = ids.find(names[at].substr(cut));
      if (left == ids.end() || right == ids.end()) continue;
      merges.push_back({left->first, right->first, left->second, right->second, pieces[at].score});
    }
  }
  std::stable_sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) { return a.score > b.score; });
  Json rows = Json::array();
  for (const auto& merge : merges) rows.push_back({merge.left, merge.right});
  return rows;
}

// Llama 2: pieces and scores of SentencePiece with byte fallback.
TEST(Llama2, HoldsInBothDirections) {
  TOUCHSTONE_SHARED_OR_SKIP(source, "data/tokenizers/llama2");
  const std::string space = "\u2581";
  const auto pieces = read_pieces(source / "tokenizer.bin");
  ASSERT_EQ(pieces.size(), 32000U);
  std::vector<std::string> names;
  Json vocabulary;
  for (std::size_t at = 0; at < pieces.size(); ++at) {
    names.push_back(at == 1 ? "<s>" : at == 2 ? "</s>" : replace_all(pieces[at].text, " ", space));
    vocabulary[names.back()] = at;
  }
  const Json normalizers = {{{"type", "Prepend"}, {"prepend", space}},
                            {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", space}}};
  const Json decoders = {{{"type", "Replace"}, {"pattern", {{"String", space}}}, {"content", " "}},
                         {{"type", "ByteFallback"}},
                         {{"type", "Fuse"}},
                         {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}};
  const testing::TemporaryFolder folder;
  write_tokenizer(folder.path(), {{"normalizer", {{"type", "Sequence"}, {"normalizers", normalizers}}},
                                  {"decoder", {{"type", "Sequence"}, {"decoders", decoders}}},
                                  {"model",
                                   {{"type", "BPE"},
                                    {"dropout", nullptr},
                                    {"unk_token", "<unk>"},
                                    {"continuing_subword_prefix", nullptr},
                                    {"end_of_word_suffix", nullptr},
                                    {"fuse_unk", true},
                                    {"byte_fallback", true},
                                    {"vocab", vocabulary},
                                    {"merges", merges_of(names, pieces, vocabulary)}}}});
  expect_vectors(folder.path(), source / "vectors.json", true);
}

// BERT's WordPiece: a folder that transformers wrote, with the vocabulary that the vectors were made with.
TEST(Bert, HoldsInBothDirections) {
  TOUCHSTONE_SHARED_OR_SKIP(data, "data");
  expect_vectors(data / "hf_fixtures/bert_f32", data / "tokenizers/bert/vectors.json", false);
}

// No vectors came with this one: ids and text must agree with each other, and a known text has known ids.
TEST(Olmo2, TextComesBack) {
  TOUCHSTONE_SHARED_OR_SKIP(data, "data/tokenizers");
  const auto tokenizer = load_tokenizer(data / "olmo2");
  EXPECT_EQ(tokenizer->size(), 100278);
  for (const auto& vector : read_json(data / "gpt2/vectors.json")) {
    const auto text = vector.at("text").get<std::string>();
    const auto ids = tokenizer->encode(text, {.add_special_tokens = false});
    EXPECT_EQ(tokenizer->decode(ids, false), text);
    EXPECT_EQ(tokenizer->encode(tokenizer->decode(ids, false), {.add_special_tokens = false}), ids);
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
