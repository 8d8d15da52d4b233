#include "tasks/micro/corpus.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <set>

#include "tasks/micro/encyclopedia.hpp"
#include "tasks/micro/myths.hpp"

namespace touchstone::micro {
namespace {

TEST(Corpus, ADocumentIsAPureFunctionOfSeedAndIndex) {
  EXPECT_EQ(document(3, 17).text, document(3, 17).text);
  EXPECT_NE(document(3, 17).text, document(4, 17).text);
  EXPECT_NE(document(3, 17).text, document(3, 18).text);
}

// TOUCHSTONE_SHOW=1 prints one document of each kind, for a reader.
TEST(Corpus, EveryKindHasItsShareOfTheTokens) {
  std::map<std::string, double> tokens;
  std::map<std::string, std::string> shown;
  double sum = 0;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    const auto drawn = document(1, i);
    ASSERT_FALSE(drawn.text.empty());
    ASSERT_EQ(drawn.text.find('{'), std::string::npos) << drawn.text;
    const double count = estimated_tokens(drawn.text);
    tokens[drawn.kind->name] += count;
    shown[drawn.kind->name] = drawn.text;
    sum += count;
  }
  double shares = 0;
  for (const auto& kind : document_kinds()) shares += kind.share;
  for (const auto& kind : document_kinds()) {
    EXPECT_NEAR(tokens[kind.name] / sum, kind.share / shares, 0.012) << kind.name;
    if (std::getenv("TOUCHSTONE_SHOW") != nullptr) {
      std::cout << "--- " << kind.name << " " << tokens[kind.name] / sum << "\n" << shown[kind.name] << "\n";
    }
  }
}

TEST(Encyclopedia, NamesAreUniqueAndEveryPartHasItsFacts) {
  const auto& world = encyclopedia();
  std::set<std::string> names;
  for (const auto& entity : world.entities) EXPECT_TRUE(names.insert(cased(entity.name, true)).second) << entity.name;
  std::map<Part, int> parts;
  for (const auto& fact : world.facts) ++parts[fact.part];
  EXPECT_EQ(world.facts.size(), 2000U);
  EXPECT_GE(parts[Part::test], 500);
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
  EXPECT_GT(wrongs, 2 * truths);
  EXPECT_LT(wrongs, 6 * truths);
}

}  // namespace
}  // namespace touchstone::micro
