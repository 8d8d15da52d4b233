#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/error.hpp"
#include "tests/trainers/toy_tokenizer.hpp"
#include "trainers/rows/row_tokens.hpp"

namespace touchstone {
namespace {

using ::testing::ElementsAre;
using testing::Ids;
using testing::ToyTokenizer;

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
  auto heard = record("Q:", " ", "2b");
  heard.prompt.front().parts.emplace_back(Audio{.rate_hz = 8000, .samples = {0.5F}});
  try {
    encode_row(heard, {tokenizer}, {.max_length = 50}, audit);
    ADD_FAILURE() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::data);
    EXPECT_EQ(std::string(error.what()).rfind("audio in a prompt, which the model does not take", 0), 0U);
  }
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

// The template of the review: white space stands before the token that ends the turn.
TEST(Rows, TheEndOfTurnIsTrainedBehindWhiteSpace) {
  const ToyTokenizer tokenizer;
  const ChatTemplate chat(
      "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n<end>\n' }}{% endfor %}"
      "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}",
      "toy", "<s>", "<end>");
  RowAudit audit;
  const auto row = encode_row(record("Hi", "", "Yo"), {tokenizer, &chat}, {.max_length = 90}, audit);
  ASSERT_TRUE(row);
  EXPECT_EQ(trained_text(tokenizer, *row), "Yo\n<end>");
  const RowSettings all = {.max_length = 90, .whole_turn = true};
  const auto whole = encode_row(record("Hi", "", "Yo"), {tokenizer, &chat}, all, audit);
  EXPECT_EQ(trained_text(tokenizer, *whole), "Yo\n<end>\n");
  // An answer that holds the end's name keeps it as text, and is ended all the same.
  const auto text = encode_row(record("Hi", "", "<end>"), {tokenizer, &chat}, {.max_length = 90}, audit);
  auto wanted = bytes("<end>\n");
  wanted.push_back(11);
  EXPECT_EQ(Ids(text->ids.begin() + static_cast<std::ptrdiff_t>(text->prompt_tokens), text->ids.end()), wanted);
}

// "a foo" alone is a, space, fo, o; with "bar" behind it a, space, foob, a, r.
TEST(Rows, ATokenAcrossTheSeamIsTrainedAndCounted) {
  ToyTokenizer tokenizer;
  tokenizer.pieces = {{"fo", 1}, {"foob", 2}};
  RowAudit audit;
  const auto row = encode_row(record("a foo", "", "bar"), {tokenizer}, {.max_length = 90}, audit);
  ASSERT_TRUE(row);
  EXPECT_EQ(tokenizer.decode(row->ids, false), "a foobar<end>");
  EXPECT_EQ(trained_text(tokenizer, *row), "foobar<end>");
  EXPECT_EQ(audit.rows_seam_merged, 1);
  EXPECT_EQ(audit.values().at("rows_seam_merged"), 1.0);
  // Two answers, of which one merges: what their prompts share is the prompt, and both spell their text.
  auto pair = record("a foo", "", "bar");
  pair.answers.push_back({});
  pair.answers.back().text = "x";
  const auto both = encode_row(pair, {tokenizer}, {.max_length = 90, .answers = 2}, audit);
  ASSERT_TRUE(both);
  EXPECT_EQ(tokenizer.decode(std::span(both->ids).first(both->prompt_tokens), false), "a ");
  EXPECT_EQ(trained_text(tokenizer, *both), "foobar<end>");
  EXPECT_EQ(tokenizer.decode(both->others.front().ids, false), "foox<end>");
  EXPECT_EQ(audit.rows_seam_merged, 2);
}

TEST(Rows, CallsAreTrainedAsTheTemplateWritesThem) {
  const ToyTokenizer tokenizer;
  const ChatTemplate chat(
      "{% for m in messages %}{{ '<' + m['role'] + '>' + (m['content'] or '') }}"
      "{% for c in m.tool_calls or [] %}{{ '<s>' + c.name + '(' + c.x + ')<s>' }}{% endfor %}{{ '<end>\n' }}"
      "{% endfor %}{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}",
      "toy", "<s>", "<end>");
  auto call = record("hi", "", "");
  call.answers.front().members = R"({"content": null, "tool_calls": [{"name": "f", "x": "1"}]})";
  RowAudit audit;
  const auto row = encode_row(call, {tokenizer, &chat}, {.max_length = 90}, audit);
  ASSERT_TRUE(row);
  EXPECT_EQ(trained_text(tokenizer, *row), "<s>f(1)<s><end>");
  EXPECT_EQ(row->ids.back(), 11);
  EXPECT_THROW(encode_row(call, {tokenizer}, {.max_length = 90}, audit), Error);  // plain text has no calls
}

TEST(Rows, ACutAnswerGetsNoEnd) {
  const ToyTokenizer tokenizer;
  const ChatTemplate chat(toy_template, "toy", "<s>", "<end>");
  auto cut = record("hi", " ", "2b");
  cut.answers.front().finished = false;
  RowAudit audit;
  EXPECT_EQ(trained_text(tokenizer, *encode_row(cut, {tokenizer}, {.max_length = 90}, audit)), " 2b");
  EXPECT_EQ(trained_text(tokenizer, *encode_row(cut, {tokenizer, &chat}, {.max_length = 90}, audit)), "2b");
  cut.answers.front().text = "<end>b";
  EXPECT_EQ(encode_row(cut, {tokenizer, &chat}, {.max_length = 90}, audit)->ids.back(), 100 + 'b');
  cut.answers.front().text = "2b";
  cut.answers.front().drawn = {1, 100 + 'b'};
  EXPECT_EQ(trained_text(tokenizer, *encode_row(cut, {tokenizer}, {.max_length = 90}, audit)), " 2b");
}

TEST(Rows, DrawnTokensAreTrainedAsDrawn) {
  const ToyTokenizer tokenizer;
  const ChatTemplate chat(toy_template, "toy", "<s>", "<end>");
  auto drawn = record("Q:", " ", "Answer");
  auto& answer = drawn.answers.front();
  answer.drawn = {100 + ' ', 2, 3};  // An, swer: as text it is the one token 4
  answer.spans = {{2, 6, 3.0, "tail"}};
  RowAudit audit;
  const auto plain = encode_row(drawn, {tokenizer}, {.max_length = 90}, audit);
  ASSERT_TRUE(plain);
  EXPECT_THAT(plain->ids, ElementsAre(100 + 'Q', 100 + ':', 100 + ' ', 2, 3, 11));
  EXPECT_EQ(plain->prompt_tokens, 2U);
  EXPECT_THAT(plain->facts.weights, ElementsAre(1.0F, 1.0F, 3.0F, 1.0F));  // the span is the second token's
  answer.drawn.push_back(11);
  answer.ended = true;  // its own end is not put there again
  EXPECT_EQ(encode_row(drawn, {tokenizer}, {.max_length = 90}, audit)->ids, plain->ids);
  EXPECT_EQ(trained_text(tokenizer, *encode_row(drawn, {tokenizer}, {.max_length = 90, .append_eos = false}, audit)),
            " Answer");
  const auto chatted = encode_row(drawn, {tokenizer, &chat}, {.max_length = 90}, audit);
  EXPECT_EQ(trained_text(tokenizer, *chatted), " Answer<end>");
  answer.text = "Another";
  EXPECT_THROW(encode_row(drawn, {tokenizer}, {.max_length = 90}, audit), Error);
}

TEST(Rows, IdsBeyondTheEmbeddingAreRefusedWhereTheyAreUsed) {
  const ToyTokenizer tokenizer;
  RowAudit audit;
  const auto encoder = [&](std::int64_t vocabulary) {
    return RowEncoder{.tokenizer = tokenizer, .vocabulary = vocabulary};
  };
  EXPECT_TRUE(encode_row(record("ab", "", "cd"), encoder(100 + 'd' + 1), {.max_length = 90}, audit));
  EXPECT_THROW(encode_row(record("ab", "", "cd"), encoder(100 + 'd'), {.max_length = 90}, audit), Error);
  EXPECT_THROW(encode_row(record("ad", "", "cc"), encoder(100 + 'd'), {.max_length = 90}, audit), Error);
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
