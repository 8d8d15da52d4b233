#include "harness/base/options.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"

namespace touchstone {
namespace {

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

struct BadJson {
  const char* text;
  const char* says;
};
class JsonRefuses : public ::testing::TestWithParam<BadJson> {};
TEST_P(JsonRefuses, InOneLineNamingThePlace) {
  const auto message = message_of([] { parse_json(GetParam().text, "f.json"); });
  EXPECT_NE(message.find("f.json"), std::string::npos) << message;
  EXPECT_NE(message.find(GetParam().says), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}
INSTANTIATE_TEST_SUITE_P(Texts, JsonRefuses,
                         ::testing::Values(BadJson{"", "line 1"}, BadJson{"{\"a\": 1,\n \"b\" 2}", "line 2"},
                                           BadJson{"{\"a\": 1, \"a\": 2}", "twice"}, BadJson{"[1] x", "line 1"},
                                           BadJson{"\"\xff\"", "line 1"}, BadJson{"[1e999]", "line 1"}));

TEST(WholeNumber, IsWithinBoundsOrRefused) {
  EXPECT_EQ(whole_number(Json::parse("7"), 0, 7), 7);
  EXPECT_EQ(whole_number(Json::parse("-9223372036854775808"), INT64_MIN, 0), INT64_MIN);
  EXPECT_EQ(whole_number(Json::parse("9223372036854775807"), 0, INT64_MAX), INT64_MAX);
  for (const char* text : {"8", "-1", "1.0", "1e44", "18446744073709551615", "\"7\"", "null", "[7]"}) {
    try {
      whole_number(Json::parse(text), 0, 7);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(", expected a whole number from 0 to 7"), std::string::npos);
    }
  }
}

TEST(Json, DepthIsBounded) {
  const auto message = message_of([] { parse_json(std::string(100000, '['), "deep.json"); });
  EXPECT_NE(message.find("nested deeper than 64"), std::string::npos) << message;
}

TEST(Json, KeysKeepTheirOrder) {
  EXPECT_EQ(parse_json(R"({"z": 1, "a": [true, null, {"k": []}]})", "x").dump(), R"({"z":1,"a":[true,null,{"k":[]}]})");
}

TEST(Options, MisspeltKeyNamesTheNearest) {
  Options options(Json{{"bata", 0.1}}, "dpo.json: stage 1 (train)");
  const auto message = message_of([&] {
    options.number("beta", "strength", {.fallback = 0.1});
    options.done();
  });
  EXPECT_EQ(message, "dpo.json: stage 1 (train): unknown key 'bata': did you mean 'beta'?");
}

TEST(Options, TypesAndRangesAreChecked) {
  Options options(Json{{"lr", "fast"}, {"rank", 0}, {"kind", "loro"}}, "x");
  EXPECT_EQ(message_of([&] { options.number("lr", ""); }), "x: key 'lr': found \"fast\", expected a number");
  EXPECT_EQ(message_of([&] { options.integer("rank", "", {.fallback = {}, .min = 1}); }),
            "x: key 'rank': found 0, expected a whole number of at least 1");
  EXPECT_THROW(options.text("kind", "", {.fallback = {}, .choices = {"lora"}}), Error);
  EXPECT_THROW(options.number("absent", ""), Error);
}

TEST(Options, DescribingRecordsWhatIsRead) {
  auto options = Options::describe("train");
  EXPECT_EQ(options.number("learning_rate", "peak rate", {.fallback = 1e-4}), 1e-4);
  EXPECT_EQ(options.text("schedule", "", {.fallback = "cosine", .choices = {"cosine", "linear"}}), "cosine");
  options.done();
  ASSERT_EQ(options.specs().size(), 2U);
  EXPECT_EQ(options.specs()[0].fallback, "0.0001");
}

TEST(Options, ABareNameReadsAsUse) {
  Options options(Json{{"objective", "asft"}}, "x");
  auto child = options.child("objective", "");
  EXPECT_EQ(child.text("use", ""), "asft");
}

}  // namespace
}  // namespace touchstone
