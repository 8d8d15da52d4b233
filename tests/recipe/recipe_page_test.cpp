#include "harness/recipe/recipe_page.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/base/text.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

const char* const whole = R"({"method": "m", "paper": "p", "source": "section 2", "summary": "s",
  "claim": {"text": "t", "direction": "d", "figures": "f"}, "formula": "L = 0",
  "cost": {"passes": "a", "memory": "b", "generation": "c"}, "inferred": ["one", "two"], "stages": ["load"]})";

RecipePage read(const Json& recipe) { return read_recipe_page(recipe, "m.json"); }

std::string refusal(const Json& recipe) {
  try {
    read(recipe);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::config);
    return error.what();
  }
  return "";
}

TEST(RecipePage, IsReadWhole) {
  const auto page = read(Json::parse(whole));
  EXPECT_EQ(page.method + page.paper + page.source + page.summary + page.formula, "mpsection 2sL = 0");
  EXPECT_EQ(page.claim.text + page.claim.direction + page.claim.figures, "tdf");
  EXPECT_EQ(page.cost.passes + page.cost.memory + page.cost.generation, "abc");
  EXPECT_EQ(page.inferred, (std::vector<std::string>{"one", "two"}));
  EXPECT_TRUE(page.missing.empty());
}

TEST(RecipePage, SaysWhatIsMissing) {
  EXPECT_EQ(join(read(Json::parse(R"({"method": "m", "paper": "p", "stages": []})")).missing, " "),
            "source summary claim.text formula cost.passes cost.memory cost.generation inferred");
  auto recipe = Json::parse(whole);
  recipe["cost"].erase("memory");
  recipe["inferred"] = Json::array();  // nothing was: that is an answer
  EXPECT_EQ(read(recipe).missing, std::vector<std::string>{"cost.memory"});
}

TEST(RecipePage, RefusesWhatIsNoPage) {
  const auto with = [](const Json& change) {
    auto recipe = Json::parse(whole);
    recipe.merge_patch(change);
    return recipe;
  };
  EXPECT_EQ(refusal(with({{"formula", std::string(1001, 'x')}})),
            "m.json: key 'formula': found 1001 bytes, expected at most 1000");
  EXPECT_EQ(refusal(with({{"source", "a\nb"}})),
            "m.json: key 'source': found a line break or another control character, expected one line");
  EXPECT_NE(refusal(with({{"cost", {{"memory", "\x1b[31m"}}}})).find("key 'memory'"), std::string::npos);
  EXPECT_EQ(refusal(with({{"inferred", Json(21, "x")}})),
            "m.json: key 'inferred': found 21 entries, expected at most 20");
  EXPECT_NE(refusal(with({{"formula", 3}})).find("expected a text"), std::string::npos);
  EXPECT_NE(refusal(with({{"formulla", "x"}})).find("formula"), std::string::npos);
  EXPECT_NE(refusal(with({{"claim", {{"text", nullptr}}}})).find("'text' is missing"), std::string::npos);
}

TEST(RecipePage, OfEveryMethodIsWhole) {
  int methods = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TOUCHSTONE_SOURCE_DIR "/configs/methods")) {
    const auto page = read_recipe_page(read_json(entry.path()), entry.path().filename().string());
    EXPECT_EQ(page.method, entry.path().stem().string());
    EXPECT_EQ(join(page.missing, ", "), "") << entry.path() << " lacks these keys (docs/recipes.md)";
    ++methods;
  }
  EXPECT_GT(methods, 15);
}

TEST(RecipePage, ResultsAreThoseOfTheFile) {
  const testing::TemporaryFolder folder;
  const auto file = folder.path() / "verdicts.json";
  EXPECT_EQ(recorded_verdict(file, "m").verdict, "");
  const Json main_claim = {
      {"main", true}, {"compared", "drop, a - b"}, {"found", "+1.2\n[0.4, 2.0]"}, {"verdict", "contradicted"}};
  const Json other = {
      {"compared", "score, a - b"}, {"found", "+0.1"}, {"verdict", "not shown"}, {"words", "not shown (p 0.3)"}};
  const Json page = {{"m", {{"verdict", "not shown"}, {"claims", Json::array({main_claim, other})}}},
                     {"n", {{"verdict", "no"}}}};
  write_file_atomically(file, page.dump());
  const auto found = recorded_verdict(file, "m");
  EXPECT_EQ(found.verdict, "not shown");
  EXPECT_EQ(found.claims, (std::vector<std::string>{"main claim: drop, a - b: +1.2 [0.4, 2.0]: contradicted",
                                                    "score, a - b: +0.1: not shown (p 0.3)"}));
  EXPECT_EQ(recorded_verdict(file, "o").verdict, "");
  EXPECT_THROW(recorded_verdict(file, "n"), Error);
}

}  // namespace
}  // namespace touchstone
