// Charts: answers worked out again from the table alone, relaxed accuracy by hand-made examples.
#include "tasks/micro/chart.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "harness/base/json.hpp"
#include "harness/base/regex.hpp"
#include "tasks/parts/relaxed.hpp"
#include "tests/micro/world_support.hpp"

namespace touchstone {
namespace {

using testing::World;

/// The answer to a question on one series, from the table that the example's facts hold.
std::string worked_out(const Json& table, const std::string& question) {
  std::vector<std::string> labels;
  std::vector<int> values;
  std::map<std::string, int> value;
  for (const auto& row : table.at("rows")) {
    labels.push_back(row[0]);
    values.push_back(std::stoi(row[1].get<std::string>()));
    value[labels.back()] = values.back();
  }
  const auto found = [&](const char* pattern) { return Regex(pattern).find(question); };
  const auto label_of = [&](int wanted) {
    return labels[static_cast<std::size_t>(std::find(values.begin(), values.end(), wanted) - values.begin())];
  };
  if (const auto m = found(R"(^What is the value of (\w+)\?$)")) return std::to_string(value.at(*m->groups[0]));
  if (const auto m = found(R"(^Which has the value (\d+)\?$)")) return label_of(std::stoi(*m->groups[0]));
  if (found(R"(^Which is the largest\?$)")) return label_of(*std::max_element(values.begin(), values.end()));
  if (found(R"(^Which is the smallest\?$)")) return label_of(*std::min_element(values.begin(), values.end()));
  if (const auto m = found(R"(^Is (\w+) more than (\w+)\?$)"))
    return value.at(*m->groups[0]) > value.at(*m->groups[1]) ? "Yes" : "No";
  if (found(R"(^How many labels are there\?$)")) return std::to_string(labels.size());
  if (const auto m = found(R"(^How many are more than (\d+)\?$)")) {
    return std::to_string(
        std::count_if(values.begin(), values.end(), [&](int one) { return one > std::stoi(*m->groups[0]); }));
  }
  if (const auto m = found(R"(^What is the (sum|difference) of (\w+) and (\w+)\?$)")) {
    const int a = value.at(*m->groups[1]), b = value.at(*m->groups[2]);
    return std::to_string(*m->groups[0] == "sum" ? a + b : std::max(a, b) - std::min(a, b));
  }
  if (found(R"(^From \w+ to \w+, does the value rise or fall\?$)"))
    return values.back() > values.front() ? "rise" : "fall";
  return "no such question: " + question;
}

TEST_F(World, AnswersFollowFromTheTable) {
  std::map<std::string, int> families;
  int checked = 0;
  for (const char* name : {"chart", "chart-ood"}) {
    for (const auto& example : examples(name, Split::test)) {
      ++families[example.facts.at("family")];
      const auto table = Json::parse(example.facts.at("table"));
      if (table.at("columns").size() > 2) continue;
      const auto from = example.question.rfind("Question: ") + 10;
      const auto question = example.question.substr(from, example.question.rfind("\nAnswer:") - from);
      EXPECT_EQ(worked_out(table, question), example.targets.front()) << example.question;
      ++checked;
    }
  }
  EXPECT_EQ(families.size(), 5U);
  EXPECT_GT(checked, 700);
}

TEST_F(World, OnlyTheTrainSplitAsksForSums) {
  for (std::uint64_t i = 0; i < 2000; ++i) {
    Draws draws(i, "chart test");
    EXPECT_THAT(micro::charts(draws), ::testing::Not(::testing::HasSubstr("sum of")));
  }
}

TEST(Relaxed, FollowsTheReference) {
  EXPECT_TRUE(relaxed_equal("14.5", "14"));
  EXPECT_FALSE(relaxed_equal("14.8", "14"));
  EXPECT_TRUE(relaxed_equal("25%", "0.25"));
  EXPECT_TRUE(relaxed_equal("0.25", "25%"));
  EXPECT_TRUE(relaxed_equal("$1,400.", "1400"));
  EXPECT_TRUE(relaxed_equal("YES.", "Yes"));
  EXPECT_TRUE(relaxed_equal("\"plums\"", "plums"));
  EXPECT_TRUE(relaxed_equal("B) plums", "b"));
  EXPECT_FALSE(relaxed_equal("plum", "plums"));
  EXPECT_FALSE(relaxed_equal("", "0"));
  EXPECT_TRUE(relaxed_equal("0", "0"));
  EXPECT_FALSE(relaxed_equal("nan", "14"));
}

}  // namespace
}  // namespace touchstone
