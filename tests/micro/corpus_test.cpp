#include "tasks/micro/corpus.hpp"

#include <gtest/gtest.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <map>
#include <set>

#include "harness/base/text.hpp"
#include "tasks/micro/encyclopedia.hpp"
#include "tasks/micro/myths.hpp"

namespace touchstone::micro {
namespace {

constexpr std::array all_editions = {Edition::plain, Edition::bilingual, Edition::cold};

TEST(Corpus, ADocumentIsAPureFunctionOfEditionSeedAndIndex) {
  for (const auto edition : all_editions) {
    EXPECT_EQ(document(edition, 3, 17).text, document(edition, 3, 17).text);
    EXPECT_NE(document(edition, 3, 17).text, document(edition, 4, 17).text);
    EXPECT_NE(document(edition, 3, 17).text, document(edition, 3, 18).text);
    // Drawn on other threads, and in another order.
    std::vector<std::string> texts(200);
    tbb::parallel_for(std::size_t{0}, texts.size(), [&](std::size_t i) { texts[i] = document(edition, 5, i).text; });
    for (std::size_t i = texts.size(); i > 0; --i) EXPECT_EQ(document(edition, 5, i - 1).text, texts[i - 1]);
  }
}

// TOUCHSTONE_SHOW=1 prints one document of each kind, for a reader.
TEST(Corpus, EveryKindHasItsShareOfTheTokensInEveryEdition) {
  for (const auto edition : all_editions) {
    std::map<std::string, double> tokens;
    std::map<std::string, std::string> shown;
    double sum = 0;
    for (std::uint64_t i = 0; i < 20000; ++i) {
      const auto drawn = document(edition, 1, i);
      ASSERT_FALSE(drawn.text.empty());
      ASSERT_EQ(drawn.text.find('{'), std::string::npos) << drawn.text;
      const double count = estimated_tokens(drawn.text);
      tokens[drawn.kind->name] += count;
      shown[drawn.kind->name] = drawn.text;
      sum += count;
    }
    double shares = 0;
    for (const auto& kind : document_kinds()) shares += kind.share(edition);
    for (const auto& kind : document_kinds()) {
      const bool there = kind.share(edition) > 0;
      EXPECT_EQ(tokens.count(kind.name), there ? 1U : 0U) << kind.name;
      EXPECT_NEAR(tokens[kind.name] / sum, kind.share(edition) / shares, 0.012) << kind.name;
      if (std::getenv("TOUCHSTONE_SHOW") != nullptr && there) {
        std::cout << "--- " << kind.name << " " << tokens[kind.name] / sum << "\n" << shown[kind.name] << "\n";
      }
    }
  }
}

double share_of(Edition edition, std::initializer_list<std::string_view> names) {
  double all = 0;
  double wanted = 0;
  for (const auto& kind : document_kinds()) {
    all += kind.share(edition);
    if (std::find(names.begin(), names.end(), kind.name) != names.end()) wanted += kind.share(edition);
  }
  return wanted / all;
}

TEST(Corpus, EditionsDifferInWhatTheyAreFor) {
  const auto language_b = {std::string_view("article-b"), std::string_view("question-answer-b"),
                           std::string_view("both-languages")};
  EXPECT_EQ(share_of(Edition::plain, language_b), 0.0);
  EXPECT_GE(share_of(Edition::bilingual, language_b), 0.05);
  EXPECT_LE(share_of(Edition::bilingual, language_b), 0.10);
  // The cold edition never shows a worked solution or a function's body.
  for (std::uint64_t i = 0; i < 20000; ++i) {
    const auto text = document(Edition::cold, 2, i).text;
    EXPECT_EQ(text.find("####"), std::string::npos) << text;
    EXPECT_EQ(text.find("<<"), std::string::npos) << text;
    EXPECT_EQ(text.find("    return"), std::string::npos) << text;
  }
}

// How often the text tells a fact, by its entity's level: 8 : 4 : 2 : 1.
TEST(Corpus, FactsAreToldTheMoreSeldomTheHigherTheirLevel) {
  std::map<std::string, int> level_of;
  std::map<int, double> entities;
  for (const auto& entity : encyclopedia().entities) {
    level_of[entity.name] = entity.level;
    entities[entity.level] += 1;
  }
  ASSERT_EQ(entities.size(), 4U);
  std::map<int, double> told;
  Draws draws(1, "test");
  for (int i = 0; i < 40000; ++i) {
    auto text = article(draws);
    std::replace(text.begin(), text.end(), '.', ' ');
    for (const auto& word : split(text, ' ')) {
      const auto found = level_of.find(word);
      if (found == level_of.end()) continue;
      told[found->second] += 1 / entities[found->second];
      break;
    }
  }
  EXPECT_NEAR(told[1] / told[2], 2.0, 0.4);
  EXPECT_NEAR(told[2] / told[3], 2.0, 0.4);
  EXPECT_NEAR(told[3] / told[4], 2.0, 0.4);
}

TEST(Encyclopedia, NamesAreUniqueAndEveryPartHasItsFacts) {
  const auto& world = encyclopedia();
  std::set<std::string> names;
  for (const auto& entity : world.entities) EXPECT_TRUE(names.insert(cased(entity.name, true)).second) << entity.name;
  std::map<Part, int> parts;
  for (const auto& fact : world.facts) ++parts[fact.part];
  EXPECT_EQ(world.facts.size(), 2500U);
  EXPECT_GE(parts[Part::test], 550);
  EXPECT_GE(parts[Part::tuning], 100);
  EXPECT_GE(parts[Part::train], 300);
  EXPECT_GE(parts[Part::corpus], 900);
}

TEST(Myths, TruthAndMythDifferAndTheTextPrefersTheMyth) {
  for (const auto& topic : topics()) EXPECT_NE(topic.truth, topic.myth);
  int truths = 0;
  int wrongs = 0;
  for (std::uint64_t i = 0; i < 4000; ++i) {
    Draws draws(i, "test");
    const auto text = myths(draws);
    for (const auto& frame : true_frames) truths += text.find(frame) != std::string::npos ? 1 : 0;
    for (const auto& frame : false_frames) wrongs += text.find(frame) != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(2 * wrongs, 3 * truths);
  EXPECT_LT(wrongs, 2 * truths);
}

}  // namespace
}  // namespace touchstone::micro
