// Stages and rewards for calls of tools.
#include <gmock/gmock.h>

#include "tests/trainers/data_stages.hpp"

namespace touchstone {
namespace {

using testing::DataStages;
using ::testing::ElementsAre;
using testing::record_of;

/// Three calls with their results, the second an error; the last is the answer.
Record dialogue() {
  auto record = record_of("d", {{"call_3()", 0}});
  const auto add = [&](Role role, const std::string& text) { record.prompt.push_back({role, {text}, "\n"}); };
  add(Role::assistant, "call_1()");
  add(Role::tool, "fine");
  add(Role::assistant, "call_2()");
  add(Role::tool, "{Invalid  API-call!}");
  return record;
}

TEST_F(DataStages, TurnsThatLedToErrorsAreNoTargets) {
  data() = {dialogue()};
  run(R"({"use": "split_turns"})");
  ASSERT_EQ(data().size(), 2U);
  EXPECT_EQ(data()[0].id, "d/turn-1");
  EXPECT_EQ(data()[0].answers[0].text, "call_1()");
  EXPECT_EQ(data()[0].prompt.size(), 1U);
  EXPECT_EQ(data()[1].answers[0].text, "call_3()");
  ASSERT_EQ(data()[1].prompt.size(), 5U);
  EXPECT_EQ(text_of(data()[1].prompt[3]), "call_2()");  // the bad call is still shown
  EXPECT_EQ(session_.values.at("turns_dropped"), 1.0);
  data() = {dialogue()};
  run(R"({"use": "split_turns", "drop_adverse": false})");
  EXPECT_EQ(data().size(), 3U);
  data() = {dialogue()};
  run(R"({"use": "split_turns", "error_phrases": ["Fine."]})");
  ASSERT_EQ(data().size(), 2U);
  EXPECT_EQ(data()[0].answers[0].text, "call_2()");
  EXPECT_THROW(run(R"({"use": "split_turns", "error_phrases": ["..."]})"), Error);
}

TEST_F(DataStages, TurnsWithoutAResultAreNoTargets) {
  auto record = record_of("d", {{"bye", 0}});
  record.prompt.push_back({Role::assistant, {std::string("hello")}, "\n"});
  record.prompt.push_back({Role::user, {std::string("go on")}, "\n"});
  data() = {record};
  run(R"({"use": "split_turns"})");
  ASSERT_EQ(data().size(), 1U);
  EXPECT_EQ(data()[0].answers[0].text, "bye");
}

/// f(a='1', b='2') where f(a, b, c) and g(a) are listed: what each call is worth.
TEST_F(DataStages, CallsAreWorthWhatIsWrongWithThem) {
  const std::vector<std::pair<std::string, double>> table = {{"g(a='1')", -1.5},
                                                             {"h()", -2},
                                                             {"f(a='1')", -0.5},
                                                             {"f(a='1',b='2',c='3')", -0.5},
                                                             {"f(a='1',c='3')", -1.0},
                                                             {"f(a='1',b='2',z='3')", -0.8},
                                                             {"f(a='1',z='3')", -1.3},
                                                             {"f(a='1',c='3',z='4')", -1.8},
                                                             {"f(a='1',b='3')", -0.25},
                                                             {"f(a='1', b='2')", 1.0},
                                                             {"no call", -2}};
  const auto judge = [&](const std::string& options, const std::string& gold = "f(a='1', b='2')") {
    auto example = std::make_shared<Example>();
    example->targets = {gold};
    data() = {record_of("r", table)};
    data()[0].prompt[0].parts = {std::string("def f(a: str, b: str = 'x, y', c=None):\n  pass\ndef g(a): pass\n")};
    data()[0].example = example;
    run(R"({"use": "judge", "rule": {"use": "tool_call")" + options + "}}");
  };
  for (const auto* form : {"", R"(, "form": "strict")"}) {
    judge(form);
    for (std::size_t at = 0; at < table.size(); ++at) {
      EXPECT_EQ(data()[0].answers[at].reward, table[at].second) << table[at].first;
    }
  }
  judge(R"(, "wrong_tool": -7)");
  EXPECT_EQ(data()[0].answers[0].reward, -7.0);
  EXPECT_THROW(judge("", "nothing"), Error);
  EXPECT_THROW(judge("", "unlisted()"), Error);
}

std::vector<std::pair<int, std::string>> spans(const Record& record) {
  std::vector<std::pair<int, std::string>> all;
  for (const auto& span : record.answers[0].spans) all.emplace_back(span.first, span.role);
  return all;
}

TEST_F(DataStages, CallsAreMarkedWhereTheToolIsChosen) {
  auto call = record_of("a", {{"get_user_id(name='Al', age='3')", 0}});
  call.prompt[0].parts = {
      std::string("def get_user_name(id):\n  ...\ndef get_user_id(name, age=None):\ndef send(x):\n")};
  auto json = record_of("b", {{R"({"name": "go", "arguments": {"to": "x y"}})", 0}});
  json.prompt[0].parts = {std::string(R"([{"name": "go"}, {"name":"go_back"}])")};
  data() = {call, json, record_of("c", {{"no call", 0}})};
  run(R"({"use": "mark_calls"})");
  // Its name, what tells "id" from "name", and the ends of the two values.
  EXPECT_THAT(spans(data()[0]),
              ElementsAre(std::pair(0, "key"), std::pair(9, "key"), std::pair(19, "value"), std::pair(28, "value")));
  // "go" begins "go_back": the byte behind it tells them apart. Keys of JSON are no values.
  EXPECT_THAT(spans(data()[1]), ElementsAre(std::pair(10, "key"), std::pair(12, "key"), std::pair(38, "value")));
  EXPECT_TRUE(data()[2].answers[0].spans.empty());
  EXPECT_EQ(session_.values.at("calls_marked"), 2.0);
}

}  // namespace
}  // namespace touchstone
