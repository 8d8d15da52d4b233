#include <gtest/gtest.h>

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

}  // namespace
}  // namespace touchstone
