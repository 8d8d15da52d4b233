#include "harness/base/regex.hpp"

#include <gtest/gtest.h>

#include "harness/base/error.hpp"

namespace touchstone {
namespace {

std::vector<std::string> all(const std::string& pattern, const std::string& text) {
  std::vector<std::string> found;
  for (const auto& match : Regex(pattern).find_all(text))
    found.push_back(text.substr(match.first, match.last - match.first));
  return found;
}

using Texts = std::vector<std::string>;

// Expected values are those of CPython 3.11's re.
TEST(Regex, FindsEmptyMatchesAsPythonDoes) {
  EXPECT_EQ(all("a*", "baac"), (Texts{"", "aa", "", ""}));
  EXPECT_EQ(all("", "ab"), (Texts{"", "", ""}));
  EXPECT_EQ(all("x?", "\xc3\xa9"), (Texts{"", ""}));  // never inside a character
}

TEST(Regex, TakesTheFirstAlternativeAndLooksBehind) {
  EXPECT_EQ(all("a|ab", "ab"), (Texts{"a"}));
  EXPECT_EQ(all("(?<=the answer is )(.*)(?=.)", "the answer is No."), (Texts{"No"}));
  EXPECT_EQ(all(".", "a\nb"), (Texts{"a", "b"}));
  EXPECT_EQ(all(R"(\w+)", "na\xc3\xafve caf\xc3\xa9"), (Texts{"na\xc3\xafve", "caf\xc3\xa9"}));
}

TEST(Regex, RemovesAllMatches) {
  EXPECT_EQ(Regex(R"(\.$)").remove_all("1.5.\n"), "1.5\n");
  EXPECT_EQ(Regex("(?s).*#### ").remove_all("a\n#### b\n#### 7"), "7");
  EXPECT_EQ(Regex("a*").remove_all("baac"), "bc");
}

TEST(Regex, TellsGroupsThatTookNoPart) {
  const auto match = Regex("(a)|(b)").find("b");
  ASSERT_TRUE(match);
  EXPECT_FALSE(match->groups[0]);
  EXPECT_EQ(match->groups[1], "b");
}

TEST(Regex, RefusesABadPatternAndEndsARunawayOne) {
  EXPECT_THROW(Regex("a("), Error);
  EXPECT_THROW(Regex("(a+)+$").search(std::string(40, 'a') + "b"), Error);
}

TEST(Regex, LooksPastBytesThatAreNotText) {
  EXPECT_EQ(all("[0-9]+",
                "a\xff"
                "12\xc3"),
            (Texts{"12"}));
}

TEST(Regex, Escapes) {
  const std::string odd = "a.b*(c)[d]$";
  EXPECT_EQ(all(regex_escape(odd), "x" + odd), (Texts{odd}));
}

}  // namespace
}  // namespace touchstone
