// Nothing that a test split asks is asked in a training split or in the pre-training text: no problem, no composition.
// How many n-grams of the test items occur elsewhere is printed, since much of a small world's wording must repeat.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <set>
#include <span>
#include <unordered_set>

#include "harness/base/regex.hpp"
#include "harness/base/seed.hpp"
#include "harness/base/text.hpp"
#include "harness/pictures/picture.hpp"
#include "tasks/micro/corpus.hpp"
#include "tasks/micro/encyclopedia.hpp"
#include "tasks/micro/language_b.hpp"
#include "tasks/micro/myths.hpp"
#include "tasks/micro/pictures.hpp"
#include "tests/micro/world_support.hpp"

namespace touchstone {
namespace {

using micro::Edition;
using testing::World;

constexpr std::uint64_t documents = 60000;

/// A stretch of pre-training text, drawn once.
const std::vector<micro::Document>& corpus() {
  static const std::vector<micro::Document> drawn = [] {
    std::vector<micro::Document> all;
    for (std::uint64_t i = 0; i < documents; ++i) all.push_back(micro::document(Edition::plain, 7, i));
    return all;
  }();
  return drawn;
}

/// The documents of a kind in an edition's first `documents` ones.
std::vector<std::string> texts_of(Edition edition, const std::string& kind) {
  std::vector<std::string> texts;
  for (std::uint64_t i = 0; i < documents; ++i) {
    auto document = micro::document(edition, 7, i);
    if (document.kind->name == kind) texts.push_back(std::move(document.text));
  }
  return texts;
}

std::vector<std::string> corpus_of(const std::string& kind) {
  std::vector<std::string> texts;
  for (const auto& document : corpus()) {
    if (document.kind->name == kind) texts.push_back(document.text);
  }
  return texts;
}

std::set<std::string> fact_values(const std::vector<Example>& examples, const std::string& fact) {
  std::set<std::string> values;
  for (const auto& example : examples) values.insert(example.facts.at(fact));
  return values;
}

std::vector<std::string> shared(const std::set<std::string>& one, const std::set<std::string>& two) {
  std::vector<std::string> both;
  std::set_intersection(one.begin(), one.end(), two.begin(), two.end(), std::back_inserter(both));
  return both;
}

/// What makes an item of a benchmark the same task as another, whatever its words.
struct Identity {
  const char* task;
  const char* shifted;
  const char* fact;
};
constexpr std::array identities = {Identity{"micro-mmlu", "micro-mmlu-ood", "fact"},
                                   Identity{"micro-gsm8k", "micro-gsm8k-ood", "structure"},
                                   Identity{"micro-humaneval", "micro-humaneval-ood", "composition"},
                                   Identity{"micro-truthfulqa-mc1", "micro-truthfulqa-ood", "topic"},
                                   Identity{"micro-tool", "micro-tool-ood", "tool"},
                                   Identity{"maze", "maze-ood", "maze"},
                                   Identity{"chart", "chart-ood", "chart"}};

TEST_F(World, NoProblemAndNoCompositionIsInTwoSplits) {
  for (const auto& [task, shifted, fact] : identities) {
    const auto train = examples(task, Split::train);
    std::set<std::string> questions;
    for (const auto& example : train) questions.insert(example.question);
    for (const auto* name : {task, shifted}) {
      const auto tuning = examples(name, Split::validation);
      const auto test = examples(name, Split::test);
      for (const auto* split : {&tuning, &test}) {
        for (const auto& example : *split) EXPECT_EQ(questions.count(example.question), 0U) << example.question;
        EXPECT_TRUE(shared(fact_values(train, fact), fact_values(*split, fact)).empty()) << name;
      }
      // What settings are chosen on decides no result, neither of the task nor of its shifted edition.
      for (const auto* other : {task, shifted}) {
        EXPECT_TRUE(shared(fact_values(tuning, fact), fact_values(examples(other, Split::test), fact)).empty()) << name;
      }
    }
  }
}

TEST_F(World, QuestionsOfASeedAreOfTheirSplitToo) {
  for (const auto& [task, shifted, fact] : identities) {
    for (const auto* name : {task, shifted}) {
      if (book().groups.has(name) || !book().tasks.get(name).draw) continue;
      const auto test = fact_values(book().tasks.get(name).draw(Split::test, 1), fact);
      const auto tuning = fact_values(book().tasks.get(name).draw(Split::validation, 1), fact);
      for (const auto* other : {task, shifted}) {
        for (const auto split : {Split::train, Split::validation}) {
          EXPECT_TRUE(shared(test, fact_values(examples(other, split), fact)).empty()) << name;
        }
        EXPECT_TRUE(shared(tuning, fact_values(examples(other, Split::test), fact)).empty()) << name;
        EXPECT_TRUE(shared(tuning, fact_values(examples(other, Split::train), fact)).empty()) << name;
      }
    }
  }
}

TEST_F(World, IdentifiersAreUniqueAndNameTheirSplit) {
  for (const auto& [task, shifted, fact] : identities) {
    for (const auto* name : {task, shifted}) {
      std::set<std::string> seen;
      for (const auto split : {Split::train, Split::validation, Split::test}) {
        for (const auto& example : examples(name, split)) {
          EXPECT_TRUE(seen.insert(example.id).second) << example.id;
          EXPECT_NE(example.id.find(std::string("/") + split_name(split) + "/"), std::string::npos) << example.id;
        }
      }
    }
  }
}

/// Every question, whatever stands around it, of the corpus' documents of some kinds.
std::set<std::string> questions_in(const std::vector<std::string>& texts, const Regex& pattern) {
  std::set<std::string> found;
  for (const auto& text : texts) {
    for (const auto& match : pattern.find_all(text)) found.insert(*match.groups[0]);
  }
  return found;
}

TEST_F(World, TheTextAsksNoFactOfAnotherPart) {
  auto texts = corpus_of("exam");
  for (const char* kind : {"question-answer", "question-value", "myth-question"}) {
    for (auto& text : corpus_of(kind)) texts.push_back(std::move(text));
  }
  const auto asked = questions_in(texts, Regex(R"((?:^|\n)(?:Q: |Question: )?([^\n]+\?))"));
  EXPECT_GT(asked.size(), 2000U);
  for (const char* name : {"micro-mmlu", "micro-mmlu-ood", "micro-truthfulqa-mc1", "micro-truthfulqa-ood"}) {
    for (const auto split : {Split::train, Split::validation, Split::test}) {
      if (std::string(name).ends_with("-ood") && split == Split::train) continue;
      for (const auto& example : examples(name, split)) {
        const auto from = example.question.rfind("Q: ");
        auto question = example.question.substr(from == std::string::npos ? 0 : from + 3);
        if (question.starts_with("Question: ")) question.erase(0, 10);
        question.resize(question.find("\n"));
        EXPECT_EQ(asked.count(question), 0U) << question;
      }
    }
  }
}

TEST_F(World, TheTextTellsEveryFactAndTopic) {
  std::unordered_set<std::string> sentences;
  for (std::uint64_t i = 0; i < 20 * documents; ++i) {  // facts are a small share of the text
    const auto document = micro::document(Edition::plain, 7, i);
    if (document.kind->name != std::string("article") && document.kind->name != std::string("mixed")) continue;
    for (const auto& sentence : split(document.text, '.')) sentences.emplace(std::string(strip(sentence)) + ".");
  }
  const auto& world = micro::encyclopedia();
  std::size_t missing = 0;
  for (const auto& fact : world.facts) {
    bool any = false;
    for (const auto& pattern : fact.about().statements) {
      any = any || sentences.count(micro::fill(pattern, {{"e", fact.entity->name}, {"v", fact.value()}})) > 0;
    }
    missing += any ? 0U : 1U;
  }
  EXPECT_EQ(missing, 0U);
}

/// A function's body without its constants: "xs = xs[:k]", "s.replace('c', '')".
std::string without_constants(const std::string& body) {
  std::string form;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    const bool quoted = i > 0 && body[i - 1] == '\'' && i + 1 < body.size() && body[i + 1] == '\'' && c != ',';
    const bool digit = c >= '0' && c <= '9';
    // What divides, is compared with a remainder, or doubles is no constant of a step.
    const bool kept = form.ends_with("% ") || form.ends_with("== ") || (form.ends_with("x * ") && c == '2');
    form += quoted ? 'c' : digit && !kept ? 'k' : c;
  }
  return form;
}

TEST_F(World, TheTextHasNoProblemAndNoFunctionOfAnotherPart) {
  std::set<std::string> known;
  for (const auto& text : corpus_of("word-problem")) {
    // The worked solution alone: numbers and operations, whoever has whatever.
    for (const auto& match : Regex(R"(Answer: ([^#]+))").find_all(text)) known.insert(*match.groups[0]);
  }
  std::set<std::string> bodies;
  for (const auto& text : corpus_of("function")) {
    for (const auto& match : Regex(R"("""\n((?:    [^\n]+\n)+))").find_all(text)) {
      bodies.insert(without_constants(*match.groups[0]));
    }
  }
  EXPECT_GT(known.size(), 1000U);
  EXPECT_GT(bodies.size(), 100U);
  std::size_t count = 0;
  for (const auto split : {Split::train, Split::validation, Split::test}) {
    for (const auto& example : examples("micro-gsm8k", split)) {
      const auto answer = example.targets.front().substr(0, example.targets.front().find('#'));
      // Two wordings can lead to one solution: +14, or 2 packs of 7. The numbers told decide.
      count += known.count(answer);
    }
    for (const auto& example : examples("micro-humaneval", split)) {
      EXPECT_EQ(bodies.count(without_constants(example.targets.front())), 0U) << example.targets.front();
    }
  }
  EXPECT_EQ(count, 0U);
}

// The other ways in which the text tells problems and functions: in styles, and by their results alone.
TEST_F(World, NoStyleAndNoResultIsOfAnotherPart) {
  std::set<std::string> told;
  auto texts = corpus_of("styles");
  for (auto& text : texts_of(Edition::cold, "word-problem-result")) texts.push_back(std::move(text));
  for (const auto& text : texts) {
    for (const auto& match : Regex(R"(Question: ([^\n]+))").find_all(text)) told.insert(*match.groups[0]);
  }
  std::set<std::string> described;
  for (const auto& text : texts_of(Edition::cold, "function-result")) {
    described.insert(text.substr(0, text.find("\"\"\"\n") + 4));
  }
  EXPECT_GT(told.size(), 1000U);
  EXPECT_GT(described.size(), 200U);
  for (const auto split : {Split::train, Split::validation, Split::test}) {
    for (const auto& example : examples("micro-gsm8k", split)) {
      const auto question = example.question.substr(10, example.question.find("\nAnswer:") - 10);
      EXPECT_EQ(told.count(question), 0U) << question;
    }
    for (const auto& example : examples("micro-humaneval", split)) {
      EXPECT_EQ(described.count(example.question), 0U) << example.question;
    }
  }
}

// Language B speaks of the facts alone that the text may ask: the others are known in language A, or not at all.
TEST_F(World, LanguageBTellsNoFactOfAnotherPart) {
  std::unordered_set<std::string> sentences;
  for (const char* kind : {"article-b", "question-answer-b", "both-languages"}) {
    for (const auto& text : texts_of(Edition::bilingual, kind)) {
      for (const auto& line : split(text, '\n')) {
        for (const auto& sentence : split(line.starts_with("A: ") ? line.substr(3) : line, '.')) {
          sentences.emplace(std::string(strip(sentence)) + ".");
        }
      }
    }
  }
  std::size_t told = 0;
  for (const auto& fact : micro::encyclopedia().facts) {
    for (const auto& pattern : fact.about().statements) {
      const auto said = micro::fill(pattern, {{"e", fact.entity->name}, {"v", fact.value()}});
      const auto count = sentences.count(micro::in_language_b(said));
      told += count;
      if (fact.part != micro::Part::corpus) {
        EXPECT_EQ(count, 0U) << said;
      }
    }
  }
  EXPECT_GT(told, 500U);
}

TEST_F(World, TheTextShowsNoMazeAndNoChartOfAnotherPart) {
  for (const auto& [kind, task, fact] : {std::array{"maze", "maze", "maze"}, {"chart", "chart", "chart"}}) {
    std::set<std::string> shown;
    for (const auto& text : corpus_of(kind)) {
      shown.insert(text.substr(0, text.find(std::string(kind) == "maze" ? "\nMoves:" : "Question: ")));
    }
    EXPECT_GT(shown.size(), 1000U) << kind;
    for (const auto split : {Split::train, Split::validation, Split::test}) {
      for (const auto& example : examples(task, split))
        EXPECT_EQ(shown.count(example.facts.at(fact)), 0U) << example.id;
    }
  }
}

// The pictures that are trained on are of the text's mazes and tables, never of a split's.
TEST_F(World, NoPictureShowsAMazeOrAChartOfAnotherPart) {
  std::set<std::string> seen;
  for (const char* task : {"maze-picture", "chart-picture"}) {
    for (const auto split : {Split::train, Split::validation, Split::test}) {
      for (const auto& example : examples(task, split)) seen.insert(media_hash(example.media.front()));
    }
  }
  EXPECT_GT(seen.size(), 4000U);
  for (std::uint64_t i = 0; i < 6000; ++i) {
    const auto document = micro::picture_document(7, i, static_cast<micro::PictureLesson>(i % 3));
    EXPECT_EQ(seen.count(picture_hash(document.picture)), 0U) << document.text;
  }
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (auto& piece : split(replace_all(text, "\n", " "), ' ')) {
    if (!piece.empty()) words.push_back(std::move(piece));
  }
  return words;
}

/// Hashes of all runs of `length` words.
std::vector<std::uint64_t> grams(const std::string& text, std::size_t length) {
  const auto words = words_of(text);
  std::vector<std::uint64_t> found;
  for (std::size_t i = 0; i + length <= words.size(); ++i) {
    found.push_back(fnv1a(join(std::span(words).subspan(i, length), " ")));
  }
  return found;
}

TEST_F(World, OverlapOfWordsIsReported) {
  for (const std::size_t length : {8U, 13U}) {
    std::unordered_set<std::uint64_t> text;
    for (const auto& document : std::span(corpus()).first(documents / 4)) {
      for (const auto gram : grams(document.text, length)) text.insert(gram);
    }
    for (const auto& [task, shifted, fact] : identities) {
      std::unordered_set<std::uint64_t> train;
      for (const auto& example : examples(task, Split::train)) {
        for (const auto gram : grams(example.question + " " + example.targets.front(), length)) train.insert(gram);
      }
      for (const auto* name : {task, shifted}) {
        std::size_t all = 0;
        std::size_t in_text = 0;
        std::size_t in_train = 0;
        for (const auto& example : examples(name, Split::test)) {
          auto question = example.question;
          if (const auto primer = question.rfind("\n\nQ: "); primer != std::string::npos) question.erase(0, primer);
          for (const auto gram : grams(question + " " + example.targets.front(), length)) {
            ++all;
            in_text += text.count(gram);
            in_train += train.count(gram);
          }
        }
        if (all == 0) continue;
        const auto percent = [&](std::size_t part) {
          return 100.0 * static_cast<double>(part) / static_cast<double>(all);
        };
        std::printf("%-22s %2zu words: %5.1f %% in the text, %5.1f %% in the train split (of %zu)\n", name, length,
                    percent(in_text), percent(in_train), all);
        EXPECT_LT(in_text, all) << name;
        EXPECT_LT(in_train, all) << name;
      }
    }
  }
}

}  // namespace
}  // namespace touchstone
