// Calls of tools as the leaderboard's files have them: what its own rules call right and wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "harness/base/error.hpp"
#include "harness/data/task.hpp"
#include "harness/data/tool_call.hpp"
#include "tasks/book.hpp"
#include "tests/support/support.hpp"

namespace touchstone {

namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Bfcl : public ::testing::Test {
 protected:
  Bfcl() { add_tasks(book_); }

  /// The task of one question in a data folder of its own.
  std::vector<Example> load(const std::string& question, const std::string& answer) {
    fs::create_directories(folder_.path() / "bfcl" / "possible_answer");
    std::ofstream(folder_.path() / "bfcl" / "BFCL_v4_multiple.json") << question;
    std::ofstream(folder_.path() / "bfcl" / "possible_answer" / "BFCL_v4_multiple.json") << answer;
    return task().load(Split::test, DataFolders({folder_.path()}));
  }
  std::string fault(const std::string& question, const std::string& answer) {
    try {
      load(question, answer);
    } catch (const Error& error) {
      return error.what();
    }
    return "no fault";
  }
  const Task& task(const std::string& name = "bfcl_multiple") const { return book_.tasks.get(name); }
  Verdict judged(const Example& example, const std::string& text) const {
    Response response;
    response.generated.push_back({.text = text, .logp_nats = {-1.0}, .finished = true});
    return task().judge(example, {&response, 1}, {});
  }
  TaskBook book_;
  testing::TemporaryFolder folder_;
};

const std::string question = R"({"id": "m_0", "question": [[{"role": "user", "content": "Rent a car."}]], "function": [
  {"name": "car.rent", "description": "Rents.", "parameters": {"type": "dict", "required": ["city", "days"], "properties": {
    "city": {"type": "string", "description": "Where."}, "days": {"type": "integer"}, "price": {"type": "float"},
    "extras": {"type": "array"}, "who": {"type": "dict"}, "insured": {"type": "boolean"}}}},
  {"name": "car.return", "description": "Ends.", "parameters": {"type": "dict", "required": [], "properties": {}}}]})";
const std::string answer = R"({"id": "m_0", "ground_truth": [{"car.rent": {"city": ["St. Louis", "STL"], "days": [3],
  "price": ["", 20.0], "extras": ["", ["roof box", "seat"]], "who": ["", {"name": ["Ann's", "Ann"], "age": ["", 30]}],
  "insured": [true, ""]}}]})";

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text + "\n";
}

TEST_F(Bfcl, AsksWithSignaturesAndWantsTheFirstAllowedCall) {
  const auto example = load(one_line(question), one_line(answer)).at(0);
  EXPECT_THAT(example.question,
              ::testing::StartsWith("Function: def car.rent(city: str, days: int, price: float = None, "
                                    "extras: list = None, who: dict = None, insured: bool = None)\n"
                                    "    Rents.\n    Args:\n        city: Where.\n"));
  EXPECT_THAT(example.question, ::testing::EndsWith("User: Rent a car.\nAssistant:"));
  EXPECT_EQ(example.targets.front(), "car.rent(city='St. Louis', days=3, insured=True)");
  EXPECT_EQ(listed_tools(example.question).count("car.return"), 1U);
}

TEST_F(Bfcl, CallsAreJudgedByTheLeaderboardsRules) {
  const auto example = load(one_line(question), one_line(answer)).at(0);
  for (const auto* right :
       {" car.rent(city='St. Louis', days=3, insured=True)", " car.rent(days=3, city=\"st louis\")",
        "car.rent(city='STL', days=3, price=20)", "car.rent(city='STL', days=3, extras=['Roof Box', \"seat\"])",
        "car.rent(city='STL', days=3, who={'name': 'Ann\\'s'})",
        "car.rent(city='STL', days=3, who={'name': 'Ann', 'age': 30}) and more"}) {
    EXPECT_TRUE(judged(example, right).correct) << right << ": " << judged(example, right).detail;
  }
  const std::map<std::string, std::string> wrong = {
      {"I can not.", "no call"},
      {"car.return(city='STL', days=3)", "another tool"},
      {"car.rent(city='STL')", "no argument days"},
      {"car.rent(city='STL', days=3, colour='red')", "unexpected argument colour"},
      {"car.rent(city='STL', days=3.0)", "type of days"},
      {"car.rent(city='STL', days='3')", "type of days"},
      {"car.rent(city='STL', days=4)", "value of days"},
      {"car.rent(city='Paris', days=3)", "value of city"},
      {"car.rent(city='STL', days=3, extras=['seat', 'roof box'])", "value of extras"},
      {"car.rent(city='STL', days=3, extras=['roof box'])", "value of extras"},
      {"car.rent(city='STL', days=3, who={'age': 30})", "value of who"},
      {"car.rent(city='STL', days=3, who={'name': 'Ann', 'sex': 'f'})", "value of who"},
      {"car.rent(city='STL', days=3, insured=False)", "value of insured"},
      {"car.rent(city='STL', days=3, extras=[[[)", "no call"},
      {"car.rent(city=STL, days=3)", "type of city"}};
  for (const auto& [text, why] : wrong) EXPECT_EQ(judged(example, text).detail, why) << text;
  EXPECT_EQ(judged(example, "car.sell(city='STL')").values.at("hallucinated_tool,none"), 1.0);
  const auto nested = "car.rent(city='STL', days=3, extras=" + std::string(4000, '[') + std::string(4000, ']') + ")";
  EXPECT_EQ(judged(example, nested).detail, "type of extras");
}

TEST_F(Bfcl, FilesThatDoNotFitAreRefused) {
  EXPECT_THAT(fault(one_line(question), ""), HasSubstr("found 0 answers, expected 1"));
  EXPECT_THAT(fault(one_line(question), R"({"id": "m_1", "ground_truth": []})"),
              HasSubstr("found 'm_1', expected 'm_0'"));
  EXPECT_THAT(fault(one_line(question), R"({"id": "m_0", "ground_truth": [{"a": {}}, {"b": {}}]})"),
              HasSubstr("expected one call of one tool"));
  EXPECT_THAT(fault(one_line(question), R"({"id": "m_0", "ground_truth": [{"a": {}}]})"),
              HasSubstr("found none called 'a', which is the answer's"));
}

TEST_F(Bfcl, WantedCallsOfTheRealFilesAreRight) {
  TOUCHSTONE_SHARED_OR_SKIP(data, "data");
  const std::map<std::pair<std::string, Split>, std::size_t> counts = {{{"bfcl_simple_python", Split::test}, 400},
                                                                       {{"bfcl_simple_python", Split::train}, 258},
                                                                       {{"bfcl_multiple", Split::test}, 200},
                                                                       {{"bfcl_multiple", Split::train}, 1053}};
  // A required argument has no allowed value, or is not among the allowed ones.
  const std::set<std::string> without_answer = {"bfcl_multiple/train/862", "bfcl_multiple/train/964",
                                                "bfcl_simple_python/train/106", "bfcl_simple_python/train/112"};
  for (const auto& [which, count] : counts) {
    const auto examples = task(which.first).load(which.second, DataFolders({data}));
    EXPECT_EQ(examples.size(), count);
    for (const auto& example : examples) {
      const auto verdict = judged(example, " " + example.targets.front());
      EXPECT_EQ(verdict.correct, without_answer.count(example.id) == 0)
          << example.id << ": " << example.targets.front() << ": " << verdict.detail;
      EXPECT_FALSE(judged(example, " other_tool(a=1)").correct);
    }
  }
}

}  // namespace
}  // namespace touchstone
