#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "harness/base/error.hpp"
#include "trainers/rows/row_tokens.hpp"

namespace touchstone {
namespace {

using ::testing::ElementsAre;
using Ids = std::vector<std::int64_t>;

/// Greedy longest match over a handful of pieces; everything else is a token a byte, 100 + byte. "<s>" and "<end>" are
/// control tokens.
class ToyTokenizer : public Tokenizer {
 public:
  std::map<std::string, std::int64_t> pieces = {{" 2", 1}, {"An", 2}, {"swer", 3}, {"Answer", 4}};
  std::map<std::string, std::int64_t> controls = {{"<s>", 10}, {"<end>", 11}, {"<user>", 12}};
  bool adds_bos = false;
  std::optional<std::int64_t> end = 11;

  Encoding encode_pieces(std::string_view text, const EncodeSettings& settings = {}) const override {
    Encoding all;
    const auto add = [&](std::int64_t id, std::size_t first, std::size_t last) {
      all.ids.push_back(id);
      all.pieces.push_back({first, last});
    };
    if (adds_bos && settings.add_special_tokens) add(10, 0, 0);
    for (std::size_t at = 0; at < text.size();) {
      std::size_t length = 1;
      std::int64_t id = 100 + static_cast<unsigned char>(text[at]);
      const auto look = [&](const auto& table) {
        for (const auto& [piece, number] : table) {
          if (piece.size() > length && text.substr(at).starts_with(piece)) {
            length = piece.size();
            id = number;
          }
        }
      };
      look(pieces);
      if (settings.parse_special_tokens) look(controls);
      add(id, at, at + length);
      at += length;
    }
    return all;
  }
  Ids encode(std::string_view text, const EncodeSettings& settings = {}) const override {
    return encode_pieces(text, settings).ids;
  }
  std::string decode(std::span<const std::int64_t> ids, bool) const override {
    std::string text;
    for (const auto id : ids) text += token(id);
    return text;
  }
  std::int64_t size() const override { return 400; }
  std::optional<std::int64_t> id_of(std::string_view) const override { return std::nullopt; }
  std::string token(std::int64_t id) const override {
    for (const auto* table : {&pieces, &controls}) {
      for (const auto& [piece, number] : *table) {
        if (number == id) return piece;
      }
    }
    return std::string(1, static_cast<char>(id - 100));
  }
  std::optional<std::int64_t> bos() const override { return 10; }
  std::optional<std::int64_t> eos() const override { return end; }
  std::string chat_template() const override { return ""; }
  std::optional<std::int64_t> model_max_length() const override { return std::nullopt; }
  const std::string& hash() const override { return hash_; }

 private:
  std::string hash_ = "toy";
};

Record record(const std::string& question, const std::string& delimiter, const std::string& answer) {
  Record made;
  made.id = "r";
  made.prompt = {{Role::user, {question}, delimiter}};
  made.answers.push_back({});
  made.answers.back().text = answer;
  return made;
}

std::string trained_text(const ToyTokenizer& tokenizer, const Row& row) {
  return tokenizer.decode(std::span(row.ids).subspan(row.prompt_tokens), false);
}

Ids bytes(const std::string& text) {
  Ids ids;
  for (const char c : text) ids.push_back(100 + static_cast<unsigned char>(c));
  return ids;
}

TEST(Seam, WhiteSpaceMovesToTheAnswer) {
  const ToyTokenizer tokenizer;
  const auto tokens = encode_seam(tokenizer, "Q A: ", "2");
  EXPECT_EQ(tokens.context, bytes("Q A:"));
  EXPECT_THAT(tokens.answer.ids, ElementsAre(1));  // " 2" as one token, not " " and "2"
  EXPECT_EQ(tokens.answer.pieces[0].last, 1U);     // of "2": the moved space is not the answer's
}

TEST(Seam, ATokenAcrossTheSeamLeavesTheAnswerAlone) {
  const ToyTokenizer tokenizer;
  const auto tokens = encode_seam(tokenizer, "An", "swer");
  EXPECT_THAT(tokens.context, ElementsAre(2));
  EXPECT_THAT(tokens.answer.ids, ElementsAre(3));
  EXPECT_EQ(tokens.answer.pieces[0].first, 0U);
  EXPECT_EQ(tokens.answer.pieces[0].last, 4U);
}

TEST(Seam, AnEmptyContextIsTheBeginToken) {
  const ToyTokenizer tokenizer;
  EXPECT_THAT(encode_seam(tokenizer, "", "x").context, ElementsAre(10));
}

TEST(Seam, OneBeginTokenWhetherTheTextHasItOrNot) {
  ToyTokenizer tokenizer;
  tokenizer.adds_bos = true;
  EXPECT_EQ(encode_seam(tokenizer, "<s>Q", "2").context, (Ids{10, 100 + 'Q'}));
  EXPECT_EQ(encode_seam(tokenizer, "Q", "2").context, (Ids{10, 100 + 'Q'}));
}

TEST(Rows, PlainTextTrainsAnswerAndEnd) {
  const ToyTokenizer tokenizer;
  RowAudit audit;
  const auto row = encode_row(record("Q:", " ", "2b"), {tokenizer}, {.max_length = 50}, audit);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->prompt_tokens, 2U);
  EXPECT_EQ(trained_text(tokenizer, *row), " 2b<end>");
  EXPECT_EQ(audit.rows_total, 1);
  EXPECT_EQ(audit.labels_total, 3);
}

TEST(Rows, PicturesAreRefusedNotDropped) {
  const ToyTokenizer tokenizer;
  RowAudit audit;
  auto seen = record("Q:", " ", "2b");
  seen.prompt.front().parts.emplace_back(Image{.width_px = 1, .height_px = 1, .rgb = {1, 2, 3}});
  EXPECT_THROW(encode_row(seen, {tokenizer}, {.max_length = 50}, audit), Error);
}

TEST(Rows, WithoutAnEndTokenTheUserMustSaySo) {
  ToyTokenizer tokenizer;
  tokenizer.end.reset();
  RowAudit audit;
  EXPECT_THROW(encode_row(record("Q:", " ", "2"), {tokenizer}, {.max_length = 50}, audit), Error);
  EXPECT_TRUE(encode_row(record("Q:", " ", "2"), {tokenizer}, {.max_length = 50, .append_eos = false}, audit));
}

TEST(Rows, TruncationIsCounted) {
  const ToyTokenizer tokenizer;
  RowAudit audit;
  const auto start = encode_row(record("abcd", "", "efgh"), {tokenizer}, {.max_length = 6}, audit);
  ASSERT_TRUE(start);
  EXPECT_EQ(trained_text(tokenizer, *start), "ef");
  const auto end = encode_row(record("abcd", "", "efgh"), {tokenizer}, {.max_length = 6, .keep_end = true}, audit);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->prompt_tokens, 1U);
  EXPECT_EQ(trained_text(tokenizer, *end), "efgh<end>");
  EXPECT_FALSE(encode_row(record("abcdefgh", "", "x"), {tokenizer}, {.max_length = 6}, audit));
  EXPECT_EQ(audit.rows_total, 3);
  EXPECT_EQ(audit.rows_truncated, 3);
  EXPECT_EQ(audit.rows_dropped, 1);
  EXPECT_EQ(audit.tokens_total, 9 + 9 + 10);
  EXPECT_EQ(audit.tokens_dropped, 3 + 3 + 4);
  EXPECT_EQ(audit.labels_dropped, 3 + 0 + 2);
}

TEST(Rows, SpansBecomeTokenWeights) {
  const ToyTokenizer tokenizer;
  auto made = record("Q:", " ", "2bcd");
  made.answers[0].spans = {{0, 1, 3.0, "number"}, {2, 4, 0.0, ""}};
  RowAudit audit;
  const auto row = encode_row(made, {tokenizer}, {.max_length = 50}, audit);
  ASSERT_TRUE(row);
  EXPECT_THAT(row->facts.weights, ElementsAre(3.0F, 1.0F, 0.0F, 0.0F, 1.0F));
}

constexpr const char* toy_template =
    "{% for m in messages %}{{ '<' + m['role'] + '>' + m['content'] + '<end>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}";

TEST(Rows, ChatTrainsAnswerAndEndOfTurn) {
  const ToyTokenizer tokenizer;
  const ChatTemplate chat(toy_template, "toy", "<s>", "<end>");
  RowAudit audit;
  const auto row = encode_row(record("hi", "", "yo"), {tokenizer, &chat}, {.max_length = 50}, audit);
  ASSERT_TRUE(row);
  EXPECT_EQ(trained_text(tokenizer, *row), "yo<end>");  // and not the line break behind it
  EXPECT_EQ(tokenizer.decode(std::span(row->ids).first(row->prompt_tokens), false), "<user>hi<end>\n<assistant>");
  EXPECT_EQ(row->ids.front(), 12);
}

TEST(Rows, ControlTokensWithinAnAnswerStayText) {
  const ToyTokenizer tokenizer;
  const ChatTemplate chat(toy_template, "toy", "<s>", "<end>");
  RowAudit audit;
  const auto row = encode_row(record("hi", "", "a<end>b"), {tokenizer, &chat}, {.max_length = 50}, audit);
  ASSERT_TRUE(row);
  auto wanted = bytes("a<end>b");
  wanted.push_back(11);
  EXPECT_EQ(Ids(row->ids.begin() + static_cast<std::ptrdiff_t>(row->prompt_tokens), row->ids.end()), wanted);
  EXPECT_EQ(audit.rows_control_text, 1);
}

TEST(Rows, ATemplateThatStripsTheAnswerTrainsWhatItWrites) {
  const ToyTokenizer tokenizer;
  const ChatTemplate chat(
      "{% for m in messages %}{{ '<' + m['role'] + '>' + m['content'] | trim + '<end>' }}{% endfor %}"
      "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}",
      "toy", "<s>", "<end>");
  RowAudit audit;
  const auto row = encode_row(record("hi", "", "  yo\n"), {tokenizer, &chat}, {.max_length = 50}, audit);
  ASSERT_TRUE(row);
  EXPECT_EQ(trained_text(tokenizer, *row), "yo<end>");
}

TEST(Rows, ATemplatesOwnLeadIsTrainedWithTheAnswer) {
  const ToyTokenizer tokenizer;
  RowAudit audit;
  const auto trained = [&](const std::string& lead, const std::string& answer) {
    const ChatTemplate chat("{% for m in messages %}{{ '<' + m['role'] + '>' }}{% if m['role'] == 'assistant' %}{{ '" +
                                lead +
                                "' }}{% endif %}{{ m['content'] + '<end>' }}{% endfor %}"
                                "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}",
                            "toy", "<s>", "<end>");
    const auto row = encode_row(record("hi", "", answer), {tokenizer, &chat}, {.max_length = 90}, audit);
    return row ? *row : Row{};
  };
  const auto space = trained(" ", "2");
  EXPECT_EQ(trained_text(tokenizer, space), " 2<end>");
  EXPECT_EQ(space.ids.size() - space.prompt_tokens, 2U);  // " 2" is one token
  EXPECT_EQ(trained_text(tokenizer, trained("<user>e", "e")), "<user>ee<end>");
  EXPECT_EQ(trained_text(tokenizer, trained("", "")), "<end>");
}

TEST(Rows, TokensMayBeGivenInsteadOfText) {
  const ToyTokenizer tokenizer;
  Record made;
  made.answers.emplace_back();
  made.answers[0].tokens = {5, 6, 7};
  made.answers[0].prompt_tokens = 1;
  RowAudit audit;
  const auto row = encode_row(made, {tokenizer}, {.max_length = 50}, audit);
  ASSERT_TRUE(row);
  EXPECT_THAT(row->ids, ElementsAre(5, 6, 7));
  EXPECT_EQ(row->prompt_tokens, 1U);
  made.answers[0].tokens = {5, 400};
  EXPECT_THROW(encode_row(made, {tokenizer}, {.max_length = 50}, audit), Error);
}

TEST(Rows, ATemplateWithoutEndOfTurnIsRefused) {
  const ToyTokenizer tokenizer;
  const ChatTemplate chat(
      "{% for m in messages %}{{ m['role'] + ':' + m['content'] + '\n' }}{% endfor %}"
      "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}",
      "toy", "<s>", "<end>");
  RowAudit audit;
  EXPECT_THROW(encode_row(record("hi", "", "yo"), {tokenizer, &chat}, {.max_length = 50}, audit), Error);
}

TEST(Rows, HashKnowsIdsLabelsAndWeights) {
  Row row{.id = "a", .ids = {1, 2, 3}, .prompt_tokens = 1};
  const auto hash = rows_hash(std::vector<Row>{row});
  row.id = "b";
  EXPECT_EQ(rows_hash(std::vector<Row>{row}), hash);
  row.prompt_tokens = 2;
  EXPECT_NE(rows_hash(std::vector<Row>{row}), hash);
}

}  // namespace
}  // namespace touchstone
