// Documents whose answers stand in them: each answer is worked out again from the lines before it.
#include "tasks/micro/in_context.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "harness/base/regex.hpp"
#include "harness/base/text.hpp"
#include "harness/data/tool_call.hpp"
#include "tasks/micro/functions.hpp"
#include "tasks/micro/problems.hpp"
#include "tasks/micro/words.hpp"

namespace touchstone::micro {
namespace {

constexpr std::uint64_t drawn = 2000;

TEST(InContext, CopiesAreOfWhatTheDocumentLists) {
  int again = 0;
  int numbers = 0;
  int after = 0;
  std::set<std::string> names;
  for (std::uint64_t i = 0; i < drawn; ++i) {
    Draws draws(i, "test");
    const auto text = copies(draws);
    const auto lines = split(text, '\n');
    const auto end = static_cast<std::size_t>(std::find(lines.begin(), lines.end(), "") - lines.begin());
    ASSERT_GE(end, 3U) << text;
    const std::vector<std::string> listed(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(end));
    names.insert(listed.begin(), listed.end());
    EXPECT_EQ(std::set<std::string>(listed.begin(), listed.end()).size(), end) << text;
    if (lines.at(end + 1) == "Again:") {
      ++again;
      EXPECT_EQ(std::vector<std::string>(lines.begin() + static_cast<std::ptrdiff_t>(end) + 2, lines.end()), listed);
      continue;
    }
    for (std::size_t at = end + 1; at < lines.size(); ++at) {
      if (const auto number = Regex(R"(^Number (\d): (\S+)$)").find(lines[at])) {
        ++numbers;
        EXPECT_EQ(listed.at(std::stoul(*number->groups[0]) - 1), *number->groups[1]) << text;
      } else {
        const auto two = Regex(R"(^After (\S+): (\S+)$)").find(lines[at]);
        ASSERT_TRUE(two.has_value()) << text;
        ++after;
        const auto first = std::find(listed.begin(), listed.end(), *two->groups[0]);
        ASSERT_LT(first + 1, listed.end()) << text;
        EXPECT_EQ(*(first + 1), *two->groups[1]) << text;
      }
    }
  }
  EXPECT_GT(again, 500);
  EXPECT_GT(numbers, 1000);
  EXPECT_GT(after, 1000);
  EXPECT_GT(names.size(), 8000U);  // nothing to remember: names do not come again
}

TEST(InContext, CallsNameTheArgumentsThatTheWishGives) {
  int calls = 0;
  for (std::uint64_t i = 0; i < drawn; ++i) {
    Draws draws(i, "test");
    const auto text = pairs(draws);
    if (!text.starts_with("Call ") && text.find("\nCall ") == std::string::npos) {
      const auto lines = split(text, '\n');
      const std::set<std::string> given(lines.begin(), std::find(lines.begin(), lines.end(), ""));
      for (const auto& line : lines) {
        if (line.starts_with("Given: ")) {
          EXPECT_EQ(given.count(line.substr(7)), 1U) << text;
        }
      }
      continue;
    }
    std::map<std::string, std::string> signatures;
    for (const auto& match : Regex(R"((?:^|\n)([a-z_0-9]+)\(([a-z, ]+)\))").find_all(text)) {
      signatures[*match.groups[0]] = *match.groups[1];
    }
    for (const auto& match : Regex(R"(Call ([a-z_0-9]+): ([^\n]+)\n([^\n]+))").find_all(text)) {
      ++calls;
      const auto call = first_call(*match.groups[2], CallForm::extended);
      ASSERT_TRUE(call.has_value()) << text;
      EXPECT_EQ(call->name, *match.groups[0]) << text;
      std::string wish;
      std::string parameters;
      for (const auto& parameter : split(signatures.at(call->name), ',')) {
        const auto name = std::string(strip(parameter));
        wish += (wish.empty() ? "" : ", ") + name + " is ";
        const auto before = wish == name + " is " ? "(" : " ";
        const auto from = match.groups[2]->find(before + name + "='") + name.size() + 3;
        wish += match.groups[2]->substr(from, match.groups[2]->find('\'', from) - from);
      }
      EXPECT_EQ(wish, *match.groups[1]) << text;
    }
  }
  EXPECT_GT(calls, 1000);
}

// One label a class and one class a label, of words that no other class of the document has.
TEST(InContext, LabelsStandForClasses) {
  for (std::uint64_t i = 0; i < drawn; ++i) {
    Draws draws(i, "test");
    const auto text = classifying(draws);
    std::map<std::string, std::set<std::string>> words;
    std::set<std::string> all;
    for (const auto& line : split(text, '\n')) {
      const auto at = line.find(" -> ");
      ASSERT_NE(at, std::string::npos) << text;
      EXPECT_TRUE(all.insert(line.substr(0, at)).second) << text;
      words[line.substr(at + 4)].insert(line.substr(0, at));
    }
    EXPECT_LE(words.size(), 3U) << text;
    for (const auto& [label, its] : words) {
      const Pool* pool = nullptr;
      for (const auto& kind : kinds) {
        for (const auto& about : kind.attributes) {
          const bool fits = std::all_of(its.begin(), its.end(), [&](const std::string& word) {
            return std::find(about.pool->begin(), about.pool->end(), word) != about.pool->end();
          });
          if (fits) pool = about.pool;
        }
      }
      EXPECT_NE(pool, nullptr) << label << "\n" << text;
    }
  }
}

/// The result of a line of sums such as "5+3=8, 8*2=16", held against each step; "" when one is wrong.
std::string checked_steps(const std::string& text) {
  std::string last;
  for (const auto& match : Regex(R"((\d+)([-+*/])(\d+)(?:=|, which makes )(\d+))").find_all(text)) {
    const int a = std::stoi(*match.groups[0]);
    const int b = std::stoi(*match.groups[2]);
    const char sign = (*match.groups[1])[0];
    const int result = sign == '+' ? a + b : sign == '-' ? a - b : sign == '*' ? a * b : a / b;
    last = *match.groups[3];
    if (last != std::to_string(result)) return {};
  }
  return last;
}

TEST(Styles, EveryStyleGivesTheResultOfItsSteps) {
  std::map<std::string, int> styles;
  for (std::uint64_t i = 0; i < drawn; ++i) {
    Draws draws(i, "test");
    const auto text = styled_problems(draws);
    const auto match = Regex(R"(^Question: [^\n]+\nAnswer \((bare|short|full)\): ([^\n]+)$)").find(text);
    ASSERT_TRUE(match.has_value()) << text;
    ++styles[*match->groups[0]];
    const auto& answer = *match->groups[1];
    const auto result = Regex(R"((\d+)\.?$)").find(answer);
    ASSERT_TRUE(result.has_value()) << text;
    if (*match->groups[0] == "bare") {
      EXPECT_EQ(answer, *result->groups[0]) << text;
    } else {
      EXPECT_EQ(checked_steps(answer), *result->groups[0]) << text;
    }
  }
  for (const auto& [style, count] : styles) EXPECT_GT(count, 500) << style;
  EXPECT_EQ(styles.size(), 3U);
}

TEST(Cold, ResultsAloneAreThoseOfTheWorkedSolution) {
  for (std::uint64_t i = 0; i < 500; ++i) {
    Draws one(i, "test");
    Draws two(i, "test");
    const auto worked = split(word_problems(one), '\n');
    const auto bare = split(problem_results(two), '\n');
    std::vector<std::string> wanted;
    std::vector<std::string> found;
    for (const auto& line : worked) {
      if (line.starts_with("#### ")) wanted.push_back(line.substr(5));
    }
    for (const auto& line : bare) {
      if (line.starts_with("Answer: ")) found.push_back(line.substr(8));
    }
    EXPECT_EQ(found, wanted);
    Draws three(i, "test");
    const auto text = function_results(three);
    EXPECT_EQ(text.find("return xs"), std::string::npos) << text;
    EXPECT_EQ(Regex(R"(\nsolve\([^\n]+\) gives [^\n]+)").find_all(text).size(), 5U) << text;
  }
}

// A prompt cut before the answer ends at a token's end: the answer's first token begins with a space or a line break.
TEST(NewKinds, AnswersBeginAtTokenBoundaries) {
  const Regex pieces(R"(\n|'(?:[sdmt]|ll|ve|re)| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|[^\S\n]+)");
  const auto boundary = [&](const std::string& text, std::size_t at) {
    const auto found = pieces.find_all(text);
    return std::any_of(found.begin(), found.end(), [&](const auto& match) { return match.last == at; });
  };
  const std::array<std::pair<std::string (*)(Draws&), const char*>, 6> kinds_and_prompts = {
      {{copies, R"((?:^|\n)(?:Number \d:|After \S+:|Again:\n))"},
       {pairs, R"(Given:|(?:^|\n)Call [^\n]+\n)"},
       {classifying, R"( ->)"},
       {styled_problems, R"(Answer \(\w+\):)"},
       {problem_results, R"(Answer:)"},
       {function_results, R"( gives)"}}};
  for (const auto& [document, prompt] : kinds_and_prompts) {
    int checked = 0;
    for (std::uint64_t i = 0; i < 300; ++i) {
      Draws draws(i, "test");
      const auto text = document(draws);
      for (const auto& match : Regex(prompt).find_all(text)) {
        ++checked;
        EXPECT_TRUE(boundary(text, match.last)) << prompt << "\n" << text;
      }
    }
    EXPECT_GT(checked, 100) << prompt;
  }
}

}  // namespace
}  // namespace touchstone::micro
