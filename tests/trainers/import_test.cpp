#include <gtest/gtest.h>

#include "harness/data/prompt.hpp"
#include "harness/pictures/picture.hpp"
#include "tests/trainers/tiny.hpp"

namespace touchstone {
namespace {

class Import : public ::testing::Test {
 protected:
  std::vector<Record> read(const std::string& lines) {
    const auto file = folder_.path() / "rows.jsonl";
    testing::write_text(file, lines);
    const Json options = {{"use", "import_rows"}, {"file", file.string()}, {"as", "mine"}};
    const auto stage = make_use(Options(options, "test"), testing::trainer_book().stages, testing::trainer_book());
    Session session;
    stage.run(session);
    return session.data.at("mine");
  }
  testing::TemporaryFolder folder_;
};

TEST_F(Import, TheThreeForms) {
  const auto rows = read(R"({"prompt": "a ", "completion": "b"}

{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}, {"role": "assistant", "content": "v"}]}
{"input_ids": [3, 4, 5], "prompt_tokens": 1}
)");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(text_of(rows[0].prompt[0]), "a ");
  EXPECT_EQ(rows[0].answers[0].text, "b");
  EXPECT_EQ(rows[1].prompt.size(), 2U);
  EXPECT_EQ(rows[1].answers[0].text, "v");
  EXPECT_EQ(rows[2].answers[0].tokens, (std::vector<std::int64_t>{3, 4, 5}));
  EXPECT_EQ(rows[2].answers[0].prompt_tokens, 1);
}

TEST_F(Import, Preferences) {
  const auto rows = read(R"({"prompt": "a ", "chosen": "b", "rejected": "c"}
{"chosen": "\n\nHuman: x\n\nAssistant: y\n\nHuman: z\n\nAssistant: good", "rejected": "\n\nHuman: x\n\nAssistant: y\n\nHuman: z\n\nAssistant: got"}
{"prompt": "a", "completion": "b", "label": false}
)");
  ASSERT_EQ(rows.size(), 3U);
  ASSERT_EQ(rows[0].answers.size(), 2U);
  EXPECT_EQ(rows[0].answers[0].text, "b");
  EXPECT_EQ(rows[0].answers[0].reward, 1.0);
  EXPECT_EQ(rows[0].answers[1].text, "c");
  EXPECT_EQ(rows[0].answers[1].reward, -1.0);
  EXPECT_EQ(text_of(rows[1].prompt[0]), "\n\nHuman: x\n\nAssistant: y\n\nHuman: z\n\nAssistant:");
  EXPECT_EQ(rows[1].answers[0].text, " good");
  EXPECT_EQ(rows[1].answers[1].text, " got");
  EXPECT_EQ(rows[2].answers[0].reward, -1.0);
}

/// A picture that tests/data compares with PIL.
const std::filesystem::path drawn = std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "tests/golden/pictures/grey.png";

TEST_F(Import, PicturesStandWhereTheTextSaysSo) {
  std::filesystem::create_directories(folder_.path() / "pictures");
  std::filesystem::copy(drawn, folder_.path() / "pictures" / "a.png");
  const auto rows = read(R"({"prompt": "see <image>: what?", "completion": "b", "images": ["pictures/a.png"]}
{"prompt": "what?", "completion": "b", "images": ["pictures/a.png", "pictures/a.png"]}
{"messages": [{"role": "user", "content": [{"type": "text", "text": "u"}, {"type": "image"}]}, {"role": "assistant", "content": "v"}], "images": ["pictures/a.png"]}
{"messages": [{"role": "user", "content": "<image>u"}, {"role": "assistant", "content": [{"type": "text", "text": "v"}]}], "images": ["pictures/a.png"]}
{"prompt": "an <image> of words", "completion": "b"}
{"prompt": "see <image>?", "chosen": "b", "rejected": "c", "images": ["pictures/a.png"]}
{"chosen": "\n\nHuman: <image>\n\nAssistant: b", "rejected": "\n\nHuman: <image>\n\nAssistant: c", "images": ["pictures/a.png"]}
)");
  ASSERT_EQ(rows.size(), 7U);
  EXPECT_EQ(plain_text(rows[0].prompt), "see <image>: what?");
  ASSERT_EQ(rows[0].prompt[0].parts.size(), 3U);
  const auto& image = std::get<Image>(rows[0].prompt[0].parts[1]);
  EXPECT_EQ(image.rgb, read_picture(drawn).rgb);
  EXPECT_EQ(plain_text(rows[1].prompt), "<image><image>what?");
  EXPECT_EQ(plain_text(rows[2].prompt), "u<image>\n");
  EXPECT_EQ(plain_text(rows[3].prompt), "<image>u\n");
  EXPECT_EQ(rows[3].answers[0].text, "v");
  EXPECT_EQ(rows[4].prompt[0].parts.size(), 1U);  // a row without pictures keeps its words
  EXPECT_EQ(rows[5].prompt[0].parts.size(), 3U);
  EXPECT_EQ(rows[5].answers.size(), 2U);
  EXPECT_EQ(rows[6].prompt[0].parts.size(), 3U);
  EXPECT_EQ(rows[6].answers[1].text, " c");
}

TEST_F(Import, BadPicturesAreNamedWithTheirLine) {
  std::filesystem::copy(drawn, folder_.path() / "a.png");
  testing::write_text(folder_.path() / "words.png", "no picture at all");
  std::filesystem::copy(folder_.path() / "a.png", folder_.path() / "short.png");
  std::filesystem::resize_file(folder_.path() / "short.png", 50);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"("prompt": "<image>", "images": ["missing.png"])", "missing.png"},
      {R"("prompt": "<image>", "images": ["words.png"])", "words.png"},
      {R"("prompt": "<image>", "images": ["short.png"])", "short.png"},
      {R"("prompt": "<image>", "images": ["../a.png"])", "outside the file's folder"},
      {R"("prompt": "<image>", "images": ["/etc/a.png"])", "outside the file's folder"},
      {R"("prompt": "<image>", "images": "a.png")", "not a list"},
      {R"("prompt": "<image>", "images": [7])", "not a list"},
      {R"("prompt": "<image> <image>", "images": ["a.png"])", "more places"},
      {R"("prompt": "<image>", "images": ["a.png", "a.png"])", "more 'images'"},
      {R"("input_ids": [1], "images": ["a.png"])", "more 'images'"},
      {R"("messages": [{"role": "user", "content": [{"type": "sound"}]}])", "'sound'"},
      {R"("messages": [{"role": "user", "content": [{"type": "image"}]}])", "more places"},
      {R"("messages": [{"role": "assistant", "content": "<image>"}], "images": ["a.png"])", "in the answer"}};
  for (const auto& [row, expected] : cases) {
    try {
      read("{\"prompt\": \"a\", \"completion\": \"b\"}\n{\"completion\": \"b\", " + row + "}");
      ADD_FAILURE() << row;
    } catch (const Error& error) {
      const std::string text = error.what();
      EXPECT_EQ(error.fault(), Fault::data) << row;
      EXPECT_NE(text.find("rows.jsonl: line 2"), std::string::npos) << text;
      EXPECT_NE(text.find(expected), std::string::npos) << text;
      EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    }
  }
}

class WrongRow : public Import, public ::testing::WithParamInterface<const char*> {};

TEST_P(WrongRow, NamesItsLine) {
  try {
    read(std::string("{\"prompt\": \"a\", \"completion\": \"b\"}\n") + GetParam());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::data);
    EXPECT_NE(std::string(error.what()).find("rows.jsonl: line 2"), std::string::npos) << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(Table, WrongRow,
                         ::testing::Values("[1]", "{", "{}", R"({"prompt": 3, "completion": "b"})",
                                           R"({"prompt": "a"})", R"({"messages": []})",
                                           R"({"messages": [{"role": "user", "content": "u"}]})",
                                           R"({"messages": [{"role": "me", "content": "u"}]})",
                                           R"({"messages": ["u"]})", R"({"input_ids": []})",
                                           R"({"input_ids": [1, -2]})", R"({"input_ids": ["x"]})",
                                           R"({"prompt": "a", "chosen": "b"})", R"({"chosen": "x", "rejected": "y"})",
                                           R"({"prompt": "a", "completion": "b", "label": 1})", R"({"input_ids": 7})",
                                           R"({"input_ids": [1], "prompt_tokens": -1})"));

TEST_F(Import, AFileWithoutRowsIsAnError) { EXPECT_THROW(read("\n\n"), Error); }

class ImportSquad : public ::testing::Test {
 protected:
  std::vector<Record> read(const std::string& text, bool context = true) {
    const auto file = folder_.path() / "squad.json";
    testing::write_text(file, text);
    const Json options = {{"use", "import_squad"}, {"file", file.string()}, {"as", "mine"}, {"context", context}};
    const auto stage = make_use(Options(options, "test"), testing::trainer_book().stages, testing::trainer_book());
    Session session;
    stage.run(session);
    return session.data.at("mine");
  }
  std::string error_of(const std::string& text) {
    try {
      read(text);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
  testing::TemporaryFolder folder_;
};

TEST_F(ImportSquad, QuestionsInTheirOrder) {
  const std::string text = R"({"data": [{"paragraphs": [{"context": "It is red.", "qas": [
      {"id": "q1", "question": "What?", "answers": [{"text": "red", "answer_start": 6}, {"text": "It"}]},
      {"id": "q2", "question": "Why?", "answers": []}]}]}], "version": "1.1"})";
  const auto rows = read(text);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].id, "q1");
  EXPECT_EQ(text_of(rows[0].prompt[0]), "It is red.\n\nWhat?\n");
  EXPECT_EQ(rows[0].answers[0].text, "red");
  EXPECT_EQ(rows[1].answers[0].text, "");
  EXPECT_EQ(text_of(read(text, false)[1].prompt[0]), "Why?\n");
}

TEST_F(ImportSquad, OtherFilesAreRefused) {
  const std::string wanted =
      ", expected the layout of SQuAD: data[].paragraphs[].{context, qas[].{id, question, answers[].text}}";
  EXPECT_EQ(error_of("[1, 2]"), "squad.json: no 'data'" + wanted);
  EXPECT_EQ(error_of(R"({"data": [{"paragraphs": [{"qas": []}]}]})"), "squad.json: a paragraph: no 'context'" + wanted);
  EXPECT_EQ(error_of(R"({"data": [{"paragraphs": [{"context": "c", "qas": [{"id": "x", "answers": []}]}]}]})"),
            "squad.json: question 'x': no 'question'" + wanted);
  EXPECT_EQ(
      error_of(
          R"({"data": [{"paragraphs": [{"context": "c", "qas": [{"id": "x", "question": "q", "answers": [{"text": 3}]}]}]}]})"),
      "squad.json: question 'x': no 'text'" + wanted);
  EXPECT_EQ(error_of(R"({"data": []})"), (folder_.path() / "squad.json").string() + ": holds no question");
}

}  // namespace
}  // namespace touchstone
