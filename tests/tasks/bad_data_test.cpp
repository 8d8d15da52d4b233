// What a broken data file says: one line with the file, the place, what was found and what is wanted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <set>

#include "harness/base/error.hpp"
#include "harness/data/task.hpp"
#include "tasks/book.hpp"
#include "tests/support/support.hpp"
#include "tests/support/toy_data.hpp"

namespace touchstone {

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct BadFile {
  const char* name;  ///< of the case
  const char* task;
  Split split;
  const char* path;
  std::string content;
  std::vector<std::string> says;
};

class BadData : public ::testing::TestWithParam<BadFile> {};

TEST_P(BadData, SaysFilePlaceFoundAndWanted) {
  const auto& bad = GetParam();
  const testing::TemporaryFolder folder;
  testing::write_text(folder.path() / bad.path, bad.content);
  TaskBook book;
  add_tasks(book);
  try {
    book.tasks.get(bad.task).load(bad.split, DataFolders({folder.path()}));
    FAIL() << "was accepted";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(error.fault(), Fault::data);
    EXPECT_THAT(message, Not(HasSubstr("\n")));
    EXPECT_THAT(message, HasSubstr(bad.path));
    for (const auto& part : bad.says) EXPECT_THAT(message, HasSubstr(part));
    EXPECT_LT(message.size(), 700U);
  }
}

const std::string good_row = "{\"question\": \"q\", \"answer\": \"#### 1\"}\n";

std::string choice_line(const std::string& mc1, const std::string& mc2 = R"({"choices": ["a"], "labels": [1]})") {
  return R"({"question": "q", "mc1_targets": )" + mc1 + R"(, "mc2_targets": )" + mc2 + "}\n";
}

constexpr const char* gsm8k = "gsm8k/test.jsonl";
constexpr const char* anatomy = "mmlu/test/anatomy_test.csv";
constexpr const char* anatomy_rows = "mmlu/anatomy/test.jsonl";
constexpr const char* choices_row = "truthfulqa/multiple_choice/validation.jsonl";
constexpr const char* csv = "truthfulqa/TruthfulQA.csv";

INSTANTIATE_TEST_SUITE_P(
    Files, BadData,
    ::testing::Values(
        BadFile{
            "broken_line", "gsm8k", Split::test, gsm8k, good_row + "{\"question\": \"q\", \"ans\n", {"line 2, column"}},
        BadFile{"second_object_on_a_line", "gsm8k", Split::test, gsm8k, "{} {}\n", {"line 1, column 4"}},
        BadFile{"list_for_object",
                "gsm8k",
                Split::test,
                gsm8k,
                good_row + "\n[1]\n",
                {"line 3: found [1], expected an object"}},
        BadFile{"missing_key",
                "gsm8k",
                Split::test,
                gsm8k,
                "{\"question\": \"q\", \"anwser\": \"1\"}\n",
                {"line 1: key 'answer' is missing", "found 'anwser'"}},
        BadFile{"wrong_type",
                "gsm8k",
                Split::test,
                gsm8k,
                "{\"question\": 3, \"answer\": \"1\"}\n",
                {"line 1: key 'question': found 3, expected a text"}},
        BadFile{"null_value",
                "gsm8k",
                Split::test,
                gsm8k,
                "{\"question\": null, \"answer\": \"1\"}\n",
                {"found null, expected a text"}},
        BadFile{"key_twice",
                "gsm8k",
                Split::test,
                gsm8k,
                "{\"answer\": \"1\", \"answer\": \"2\"}\n",
                {"key 'answer' is twice in one object"}},
        BadFile{"not_utf8",
                "gsm8k",
                Split::test,
                gsm8k,
                good_row + "{\"question\": \"\xff\", \"answer\": \"1\"}\n",
                {"line 2: is not valid UTF-8"}},
        BadFile{"lone_surrogate",
                "gsm8k",
                Split::test,
                gsm8k,
                "{\"question\": \"\\ud800\", \"answer\": \"1\"}\n",
                {"line 1"}},
        BadFile{"huge_line",
                "gsm8k",
                Split::test,
                gsm8k,
                "{\"question\": \"" + std::string(std::size_t{5} << 20U, 'x') + "\", \"answer\": \"1\"}\n",
                {"line 1: is 5242", "expected at most 4194304"}},
        BadFile{"deep_nesting", "gsm8k", Split::test, gsm8k, std::string(100000, '[') + "\n", {"nested deeper than"}},
        BadFile{"truncated_gzip",
                "gsm8k",
                Split::test,
                "gsm8k/test.jsonl.gz",
                std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03\xab", 11),
                {}},
        BadFile{"not_gzip", "gsm8k", Split::test, "gsm8k/test.jsonl.gz", "PK\x03\x04 not gzip at all", {}},
        BadFile{"too_few_columns",
                "mmlu_anatomy",
                Split::test,
                anatomy,
                "q,a,b,c,d,A\nq,a,b,c,B\n",
                {"line 2: found 5 columns, expected 6"}},
        BadFile{
            "too_many_columns", "mmlu_anatomy", Split::test, anatomy, "q,a,b,c,d,e,A\n", {"line 1: found 7 columns"}},
        BadFile{"answer_out_of_range",
                "mmlu_anatomy",
                Split::test,
                anatomy,
                "q,a,b,c,d,E\n",
                {"line 1: found the answer 'E', expected A, B, C or D"}},
        BadFile{"answer_empty",
                "mmlu_anatomy",
                Split::test,
                anatomy,
                "q,a,b,c,d,\n",
                {"found the answer '', expected A, B, C or D"}},
        BadFile{"quote_never_ends",
                "mmlu_anatomy",
                Split::test,
                anatomy,
                "q,a,b,c,d,A\n\"q,a,b,c,d,A\nq,a,b,c,d,A\n",
                {"line 2: a quoted field begins here and never ends"}},
        BadFile{"text_after_quote",
                "mmlu_anatomy",
                Split::test,
                anatomy,
                "\"q\"x,a,b,c,d,A\n",
                {"line 1: found 'x' after a closing quote, expected a comma or a line break"}},
        BadFile{"huge_field",
                "mmlu_anatomy",
                Split::test,
                anatomy,
                std::string(std::size_t{5} << 20U, 'x') + ",a,b,c,d,A\n",
                {"line 1: a field is longer than 4194304 bytes"}},
        BadFile{"csv_not_utf8",
                "mmlu_anatomy",
                Split::test,
                anatomy,
                "q,a,b,c,d,A\nq\xe9,a,b,c,d,A\n",
                {"line 2: is not valid UTF-8"}},
        BadFile{"three_choices",
                "mmlu_anatomy",
                Split::test,
                anatomy_rows,
                R"({"question": "q", "choices": ["a", "b", "c"], "answer": 0})",
                {"key 'choices': found 3, expected 4"}},
        BadFile{"answer_four",
                "mmlu_anatomy",
                Split::test,
                anatomy_rows,
                R"({"question": "q", "choices": ["a", "b", "c", "d"], "answer": 4})",
                {"found the answer '4', expected A, B, C or D"}},
        BadFile{"fractional_answer",
                "mmlu_anatomy",
                Split::test,
                anatomy_rows,
                R"({"question": "q", "choices": ["a", "b", "c", "d"], "answer": 1.5})",
                {"found 1.5, expected a whole number"}},
        BadFile{"choice_is_a_number",
                "mmlu_anatomy",
                Split::test,
                anatomy_rows,
                R"({"question": "q", "choices": ["a", "b", 7, "d"], "answer": 1})",
                {"key 'choices': item 3: found 7, expected a text"}},
        BadFile{"two_true_answers",
                "truthfulqa_mc1",
                Split::validation,
                choices_row,
                choice_line(R"({"choices": ["a", "b"], "labels": [1, 1]})"),
                {"mc1_targets", "found 2 true answers, expected exactly 1"}},
        BadFile{"no_true_answer",
                "truthfulqa_mc2",
                Split::validation,
                choices_row,
                choice_line(R"({"choices": ["a"], "labels": [1]})", R"({"choices": ["a"], "labels": [0]})"),
                {"mc2_targets", "found 0 true answers, expected at least 1"}},
        BadFile{"label_two",
                "truthfulqa_mc1",
                Split::validation,
                choices_row,
                choice_line(R"({"choices": ["a", "b"], "labels": [1, 2]})"),
                {"found the label 2, expected 0 or 1"}},
        BadFile{"fewer_labels",
                "truthfulqa_mc1",
                Split::validation,
                choices_row,
                choice_line(R"({"choices": ["a", "b"], "labels": [1]})"),
                {"key 'labels': found [1], expected a list of 2, as 'choices' has"}},
        BadFile{"targets_are_text",
                "truthfulqa_mc1",
                Split::validation,
                choices_row,
                choice_line("\"a\""),
                {"expected an object"}},
        BadFile{"missing_column",
                "truthfulqa_gen",
                Split::validation,
                csv,
                "Type,Category,Question,Best Answer,Correct Answers,Source\n",
                {"line 1: column 'Incorrect Answers' is missing"}},
        BadFile{"short_row",
                "truthfulqa_gen",
                Split::validation,
                csv,
                "Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source\na,b,c\n",
                {"line 2: found 3 columns, expected 7, as in the header"}},
        BadFile{"no_header", "truthfulqa_gen", Split::validation, csv, "", {"is empty, expected a header line"}},
        BadFile{"no_false_answer",
                "truthfulqa_gen",
                Split::validation,
                csv,
                "Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source\nt,c,q,b,r, ; ,s\n",
                {"line 2: found no false answer, expected at least one"}}),
    [](const auto& given) { return std::string(given.param.name); });

TEST(MissingData, NamesFilePlacesAndHowToGetIt) {
  TaskBook book;
  add_tasks(book);
  const testing::TemporaryFolder folder;
  try {
    book.tasks.get("gsm8k").load(Split::test, DataFolders({folder.path(), "/nowhere"}));
    FAIL() << "was found";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::data);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("gsm8k: its test data is missing"), HasSubstr("gsm8k/test.jsonl"),
                                    HasSubstr(folder.path().string()), HasSubstr("/nowhere"),
                                    HasSubstr("openai/grade-school-math"), HasSubstr("touchstone data import")));
  }
}

TEST(MissingData, ASplitThatATaskDoesNotHave) {
  TaskBook book;
  add_tasks(book);
  EXPECT_THROW(book.tasks.get("truthfulqa_gen").load(Split::train, DataFolders()), Error);
}

TEST(GoodData, EveryFormOfAFileGivesTheSameExamples) {
  const testing::TemporaryFolder folder;
  const std::string rows =
      "{\"question\": \"a, \\\"b\\\"\\nc\", \"subject\": \"anatomy\", \"choices\": [\"1\", \"2\", \"3\", \"4\"], "
      "\"answer\": 2}\n";
  testing::write_text(folder.path() / "rows" / anatomy_rows, rows);
  testing::write_text(folder.path() / "plain" / anatomy, "\"a, \"\"b\"\"\nc\",1,2,3,4,C\r\n\r\n");
  testing::write_text(folder.path() / "header" / anatomy,
                      "\xef\xbb\xbfquestion,choice0,choice1,choice2,choice3,answer\n\"a, \"\"b\"\"\nc\",1,2,3,4,2");
  const auto packed = folder.path() / "packed" / (std::string(anatomy) + ".gz");
  std::filesystem::create_directories(packed.parent_path());
  const std::string text = "\"a, \"\"b\"\"\nc\",1,2,3,4,C\n";
  const auto file = gzopen(packed.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  TaskBook book;
  add_tasks(book);
  const Task& task = book.tasks.get("mmlu_anatomy");
  std::vector<std::string> hashes;
  for (const char* form : {"rows", "plain", "header", "packed"}) {
    const auto examples = task.load(Split::test, DataFolders({folder.path() / form}));
    ASSERT_EQ(examples.size(), 1U) << form;
    EXPECT_EQ(examples[0].question, "a, \"b\"\nc\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer:") << form;
    EXPECT_EQ(examples[0].gold, std::vector<int>{2}) << form;
    EXPECT_EQ(examples[0].targets, std::vector<std::string>{"C"}) << form;
    hashes.push_back(examples[0].doc_hash);
  }
  EXPECT_EQ(std::set<std::string>(hashes.begin(), hashes.end()).size(), 1U);
}

TEST(GoodData, TruthfulqaFromItsThreeForms) {
  const testing::TemporaryFolder folder;
  testing::write_text(folder.path() / "json/truthfulqa/mc_task.json",
                      R"([{"question": "q?", "mc1_targets": {"no": 0, "yes": 1},
                           "mc2_targets": {"yes": 1, "no": 0, "also": 1}}])");
  testing::write_text(folder.path() / "csv/truthfulqa/TruthfulQA.csv",
                      "Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source\n"
                      "t,c,q?,yes,yes; also ;,no,s\n");
  testing::write_text(folder.path() / "hub/truthfulqa/multiple_choice/validation.jsonl",
                      R"({"question": "q?", "mc1_targets": {"choices": ["yes", "no"], "labels": [1, 0]}, )"
                      R"("mc2_targets": {"choices": ["yes", "also", "no"], "labels": [1, 1, 0]}})");
  TaskBook book;
  add_tasks(book);
  for (const char* form : {"json", "csv", "hub"}) {
    const DataFolders data({folder.path() / form});
    const auto one = book.tasks.get("truthfulqa_mc1").load(Split::validation, data).front();
    EXPECT_EQ(one.choices, (std::vector<std::string>{"yes", "no"})) << form;
    EXPECT_EQ(one.gold, (std::vector<int>{0})) << form;
    const auto many = book.tasks.get("truthfulqa_mc2").load(Split::validation, data).front();
    EXPECT_EQ(many.choices, (std::vector<std::string>{"yes", "also", "no"})) << form;
    EXPECT_EQ(many.gold, (std::vector<int>{0, 1})) << form;
  }
}

}  // namespace
}  // namespace touchstone
