#include "tasks/parts/filters.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace touchstone {
namespace {

struct NumberCase {
  const char* response;
  const char* marked;    ///< `#### (...)`, first
  const char* last;      ///< any number, last
  const char* answered;  ///< `The answer is (...).`, first
};

class Numbers : public ::testing::TestWithParam<NumberCase> {};

// What Python's re gives for the three patterns of GSM8K.
TEST_P(Numbers, AreReadAsTheReferenceReadsThem) {
  const auto& wanted = GetParam();
  EXPECT_EQ(RegexFilter(R"(#### (\-?[0-9\.\,]+))")(wanted.response), wanted.marked);
  EXPECT_EQ(RegexFilter(R"((-?[$0-9.,]{2,})|(-?[0-9]+))", Pick::last)(wanted.response), wanted.last);
  EXPECT_EQ(RegexFilter(R"(The answer is (\-?[0-9\.\,]+).)")(wanted.response), wanted.answered);
}

INSTANTIATE_TEST_SUITE_P(
    Checked, Numbers,
    ::testing::Values(NumberCase{" Thinking 4.\nThe answer is 18.\n#### 18", "18", "18", "18"},
                      NumberCase{" He makes $1,234.50 each.\n#### $1,234.50", invalid, "$1,234.50", invalid},
                      NumberCase{" It costs 3 dollars. So the total is 7.", invalid, "7.", invalid},
                      NumberCase{" So x = -5", invalid, "-5", invalid},
                      NumberCase{" 12. and 13.", invalid, "13.", invalid},
                      NumberCase{"#### -7\n#### 8", "-7", "8", invalid}, NumberCase{" 5%", invalid, "5", invalid},
                      NumberCase{" .5 is half .", invalid, ".5", invalid},
                      NumberCase{" The answer is 42", invalid, "42", "4"},
                      NumberCase{" The answer is $42.50. Done", invalid, "$42.50.", invalid}));

struct FirstLineCase {
  const char* response;
  const char* line;
};

class FirstLine : public ::testing::TestWithParam<FirstLineCase> {};

TEST_P(FirstLine, OfAResponse) { EXPECT_EQ(RegexFilter(R"(^(.*?)(?=\n|$))")(GetParam().response), GetParam().line); }

INSTANTIATE_TEST_SUITE_P(Checked, FirstLine,
                         ::testing::Values(FirstLineCase{" B\nmore", "B"},
                                           FirstLineCase{"  The answer is B", "The answer is B"},
                                           FirstLineCase{"\nB", ""}, FirstLineCase{"", ""}));

struct MatchCase {
  const char* prediction;
  const char* reference;
  bool equal;
};

class Gsm8kMatch : public ::testing::TestWithParam<MatchCase> {};

TEST_P(Gsm8kMatch, IgnoresWhatTheTaskSays) {
  const ExactMatch equal({.ignored_patterns = {",", R"(\$)", "(?s).*#### ", R"(\.$)"}, .ignore_case = true});
  EXPECT_EQ(equal(GetParam().prediction, GetParam().reference), GetParam().equal);
}

INSTANTIATE_TEST_SUITE_P(Checked, Gsm8kMatch,
                         ::testing::Values(MatchCase{"18.", "x\n#### 18", true},
                                           MatchCase{"$1,234.50", "#### 1234.5", false},
                                           MatchCase{"1,000", "a\n#### 1000", true}, MatchCase{"-7", "#### 7", false},
                                           // A full stop before a final line break goes too.
                                           MatchCase{"18.\n", "18\n", true}, MatchCase{"[invalid]", "#### 3", false}));

TEST(ExactMatch, DropsCaseAndPunctuation) {
  const ExactMatch equal({.ignored_patterns = {}, .ignore_case = true, .ignore_punctuation = true});
  EXPECT_TRUE(equal("(b).", "B"));
  EXPECT_FALSE(equal("the answer is b", "B"));
  EXPECT_TRUE(equal("\xc3\x89TE", "\xc3\xa9te"));  // Unicode letters too
}

struct LetterCase {
  const char* response;
  const char* letter;
};

class Letters : public ::testing::TestWithParam<LetterCase> {};

TEST_P(Letters, AreFoundByTextWhereNoneIsWritten) {
  const RegexFilter letter(R"((\([A-Z]\)))");
  EXPECT_EQ(multi_choice_regex(letter, GetParam().response, {"mon day", "tue day", "wed day"}), GetParam().letter);
}

INSTANTIATE_TEST_SUITE_P(Checked, Letters,
                         ::testing::Values(LetterCase{" (B) tue day.", "(B)"}, LetterCase{" It is Wed Day!", "(C)"},
                                           LetterCase{" Answer: A", "(A)"}, LetterCase{" no idea.", invalid}));

TEST(AnswerConfidence, IsTheMeanTokensProbability) {
  Response response;
  EXPECT_FALSE(answer_confidence(response));
  response.generated.push_back({.text = "a", .logp_nats = {-1.0, -3.0}, .finished = true});
  EXPECT_DOUBLE_EQ(*answer_confidence(response), std::exp(-2.0));
}

TEST(Lower, FollowsPython) {
  EXPECT_EQ(lower("AbC \xc3\x84\xe2\x84\xaa"), "abc \xc3\xa4k");  // Kelvin sign
  EXPECT_EQ(lower("\xc4\xb0"), "i\xcc\x87");                      // capital i with a dot
}

}  // namespace
}  // namespace touchstone
