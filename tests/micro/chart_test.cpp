// Charts: answers worked out again from the table alone, relaxed accuracy by hand-made examples.
#include "tasks/micro/chart.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/regex.hpp"
#include "harness/pictures/picture.hpp"
#include "tasks/micro/draw_chart.hpp"
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

micro::Chart chart(micro::ChartType type, std::uint64_t style = 1) {
  const bool two = type == micro::ChartType::grouped_bar || type == micro::ChartType::stacked_bar;
  micro::Chart made{.type = type,
                    .title = "Rain",
                    .labels = {"Mon", "Tue", "Wed"},
                    .series = {"value"},
                    .values = {{10, 40, 25}},
                    .style = style};
  if (two) {
    made.series = {"north", "south"};
    made.values.push_back({30, 20, 5});
  }
  return made;
}

std::size_t coloured(const Image& image) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
    const auto [low, high] = std::minmax({image.rgb[i], image.rgb[i + 1], image.rgb[i + 2]});
    count += high - low > 60 ? 1U : 0U;
  }
  return count;
}

TEST(DrawChart, EveryTypeIsDrawnTheSameForOneSeedAndOtherwiseForAnother) {
  std::set<std::string> seen;
  for (int type = 0; type < 7; ++type) {
    const auto one = chart(static_cast<micro::ChartType>(type));
    const auto image = micro::draw_chart(one, 128, 96);
    EXPECT_EQ(image.rgb.size(), 128U * 96U * 3U);
    EXPECT_GT(coloured(image), 24U) << micro::chart_type_name(one.type);
    EXPECT_EQ(picture_hash(image), picture_hash(micro::draw_chart(one, 128, 96)));
    EXPECT_NE(picture_hash(image), picture_hash(micro::draw_chart(chart(one.type, 2), 128, 96)));
    EXPECT_TRUE(seen.insert(picture_hash(image)).second);
  }
}

TEST(DrawChart, BarsAreAsHighAsTheirValues) {
  auto tall = chart(micro::ChartType::bar);
  tall.values = {{50, 50, 50}};
  auto half = tall;
  half.values = {{50, 25, 0}};
  // The axis ends at 50 for both; half of the colour is left, but for the edges.
  const auto ratio = static_cast<double>(coloured(micro::draw_chart(half, 256, 192))) /
                     static_cast<double>(coloured(micro::draw_chart(tall, 256, 192)));
  EXPECT_NEAR(ratio, 0.5, 0.03);
}

// Bars that carry their values in figures leave room for these above the tallest.
TEST(DrawChart, ThreeStylesOfFourHaveFiguresOnTheirMarks) {
  std::map<int, int> tops;  // the first row with a colour
  for (std::uint64_t style = 1; style <= 200; ++style) {
    const auto image = micro::draw_chart(chart(micro::ChartType::bar, style), 256, 192);
    int row = 0;
    for (bool found = false; !found; ++row) {
      const auto from = image.rgb.begin() + static_cast<std::ptrdiff_t>(row) * image.width_px * 3;
      const Image line{
          .width_px = image.width_px, .height_px = 1, .rgb = {from, from + image.width_px * std::ptrdiff_t{3}}};
      found = coloured(line) > 0;
    }
    ++tops[row];
  }
  ASSERT_EQ(tops.size(), 2U);
  EXPECT_NEAR(tops.rbegin()->second, 150, 25);
}

TEST(DrawChart, AxesEndAtRoundNumbers) {
  EXPECT_EQ(micro::nice_end(59, 5), 100);
  EXPECT_EQ(micro::nice_end(50, 5), 50);
  EXPECT_EQ(micro::nice_end(12, 5), 12.5);
  EXPECT_EQ(micro::nice_end(101, 5), 125);
}

TEST(DrawChart, RowsInAnyOrderKeepTheirValues) {
  auto drawn = chart(micro::ChartType::grouped_bar);
  drawn.labels = {"a", "b", "c"};
  drawn.series = {"x", "y"};
  drawn.values = {{1, 2, 3}, {10, 20, 30}};
  std::set<std::vector<std::string>> orders;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Draws draws(seed, "order");
    const auto other = micro::in_any_order(drawn, draws);
    orders.insert(other.labels);
    for (std::size_t i = 0; i < 3; ++i) {
      const int value = 1 + other.labels[i][0] - 'a';
      EXPECT_EQ(other.values[0][i], value);
      EXPECT_EQ(other.values[1][i], 10 * value);
    }
  }
  EXPECT_EQ(orders.size(), 6U);
}

TEST(DrawChart, ATableWithNothingInItIsRefused) {
  auto empty = chart(micro::ChartType::bar);
  empty.labels.clear();
  empty.values = {{}};
  EXPECT_THROW(micro::draw_chart(empty, 128, 96), Error);
  auto zero = chart(micro::ChartType::pie);
  zero.values = {{0, 0, 0}};
  EXPECT_THROW(micro::draw_chart(zero, 128, 96), Error);
  EXPECT_THROW(micro::draw_chart(chart(micro::ChartType::bar), 100000, 100000), Error);
}

TEST_F(World, PicturesAskWhatTheirTablesSay) {
  for (const char* name : {"chart-picture", "chart-picture-ood"}) {
    for (const auto& picture : examples(name, Split::test)) {
      ASSERT_EQ(picture.media.size(), 1U);
      EXPECT_TRUE(picture.question.starts_with("Question: ")) << picture.question;
      EXPECT_EQ(picture.question.find('|'), std::string::npos);
      const auto table = parse_json(picture.facts.at("table"), "table");
      for (const auto& row : table.at("rows")) {
        for (std::size_t i = 1; i < row.size(); ++i) {
          EXPECT_EQ(std::stoi(row[i].get<std::string>()) % micro::drawn_step, 0) << row;
        }
      }
    }
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
