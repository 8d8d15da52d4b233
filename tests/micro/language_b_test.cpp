// Language B: a word for a word, and back.
#include "tasks/micro/language_b.hpp"

#include <gmock/gmock.h>

#include <set>

#include "tasks/micro/encyclopedia.hpp"
#include "tests/micro/world_support.hpp"

namespace touchstone {
namespace {

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> all = {""};
  for (const char c : text) {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      all.back() += c;
    } else if (!all.back().empty()) {
      all.emplace_back();
    }
  }
  return all;
}

TEST(LanguageB, EveryWordHasOneOfItsOwn) {
  std::map<std::string, std::string> there;
  std::map<std::string, std::string> back;
  std::set<std::string> names;
  for (const auto& entity : micro::encyclopedia().entities) names.insert(micro::cased(entity.name, true));
  Draws draws(0, "test");
  for (const auto& fact : micro::encyclopedia().facts) {
    const auto said = micro::statement(fact, draws);
    const auto in_b = micro::in_language_b(said);
    EXPECT_EQ(micro::in_language_b(said), in_b);
    const auto from = words(said);
    const auto to = words(in_b);
    ASSERT_EQ(from.size(), to.size()) << said << "\n" << in_b;
    for (std::size_t at = 0; at < from.size(); ++at) {
      EXPECT_EQ(there.emplace(from[at], to[at]).first->second, to[at]) << from[at];
      EXPECT_EQ(back.emplace(to[at], from[at]).first->second, from[at]) << to[at];
    }
    EXPECT_NE(in_b.find(fact.entity->name), std::string::npos) << in_b;  // names stay
    const auto of_a = micro::language_words(said);
    const auto of_b = micro::language_words(in_b);
    EXPECT_GT(of_a.a, 0);
    EXPECT_EQ(of_a.b, 0) << said;
    EXPECT_EQ(of_b.b, of_a.a);
    EXPECT_EQ(of_b.a, 0) << in_b;
  }
  EXPECT_GT(there.size(), 200U);
}

TEST(LanguageB, NumbersSignsAndStrangeWordsStay) {
  EXPECT_EQ(micro::in_language_b("<<5+3=8>>8 #### 8\nxyzzy _ {e}"), "<<5+3=8>>8 #### 8\nxyzzy _ {e}");
  EXPECT_EQ(micro::in_language_b(""), "");
  const auto one = micro::in_language_b("salt Salt");
  EXPECT_EQ(micro::cased(one.substr(0, one.find(' ')), false), one.substr(one.find(' ') + 1));
}

class MicroFacts : public testing::World {
 protected:
  static const Task& task(const std::string& name) { return book().tasks.get(name); }
  static Verdict judged(const std::string& name, const Example& example, const std::string& text) {
    Response response;
    response.generated.push_back({.text = text, .logp_nats = {-0.1}, .finished = true});
    return task(name).judge(example, std::span<const Response>(&response, 1), {});
  }
};

TEST_F(MicroFacts, BothEditionsAskTheSameItems) {
  for (const auto& [split, items] : {std::pair(Split::train, 998U), {Split::validation, 238U}, {Split::test, 1272U}}) {
    const auto a = task("micro-facts").load(split, {});
    const auto b = task("micro-facts-b").load(split, {});
    ASSERT_EQ(a.size(), items);
    ASSERT_EQ(b.size(), a.size());
    for (std::size_t at = 0; at < a.size(); ++at) {
      EXPECT_EQ(b[at].facts.at("source"), a[at].id);
      EXPECT_EQ(b[at].targets.front(), micro::in_language_b(a[at].targets.front()));
      EXPECT_NE(b[at].question, a[at].question);
      // Each is right in its own language alone.
      const auto right = judged("micro-facts", a[at], a[at].targets.front());
      EXPECT_EQ(right.score, 1.0) << a[at].targets.front();
      EXPECT_EQ(right.values.at("in_language,none"), 1.0);
      EXPECT_EQ(judged("micro-facts-b", b[at], b[at].targets.front()).score, 1.0) << b[at].targets.front();
      const auto other = judged("micro-facts-b", b[at], a[at].targets.front());
      EXPECT_EQ(other.score, 0.0);
      EXPECT_EQ(other.values.at("in_language,none"), 0.0);
    }
  }
}

TEST_F(MicroFacts, TwoValuesAreNone) {
  const auto example = task("micro-facts").load(Split::test, {}).front();
  const auto values = example.facts.at("values");
  const auto first = values.substr(0, values.find(','));
  const auto rest = values.substr(values.find(',') + 1);
  const auto second = rest.substr(0, rest.find(','));
  EXPECT_EQ(judged("micro-facts", example, first + " and " + second).score, 0.0);
  EXPECT_FALSE(judged("micro-facts", example, first + " and " + second).parsed);
  EXPECT_FALSE(judged("micro-facts", example, "").parsed);
  EXPECT_EQ(judged("micro-facts", example, "").values.at("in_language,none"), 0.0);
  EXPECT_EQ(judged("micro-facts", example, "in" + example.facts.at("value")).score, 0.0);  // a whole word
}

}  // namespace
}  // namespace touchstone
