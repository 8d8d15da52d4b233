#include "tasks/micro/corpus.hpp"

#include <cmath>

#include "harness/base/seed.hpp"
#include "tasks/micro/chart.hpp"
#include "tasks/micro/encyclopedia.hpp"
#include "tasks/micro/functions.hpp"
#include "tasks/micro/in_context.hpp"
#include "tasks/micro/language_b.hpp"
#include "tasks/micro/maze.hpp"
#include "tasks/micro/myths.hpp"
#include "tasks/micro/problems.hpp"
#include "tasks/micro/words.hpp"

namespace touchstone::micro {
namespace {

/// A few sentences that tell nothing about the world.
std::string story(Draws& draws) {
  static constexpr std::array<std::string_view, 6> sentences = {
      "{n} went to the {p} and saw a {c} bird.",      "{n} likes to play the {i} in the morning.",
      "Every {s}, {n} eats {f} with a friend.",       "The {p} was quiet, and {n} sat there for a while.",
      "{n} wanted to be a {j} like the old {j} did.", "In the end, {n} went home and ate some {f}."};
  const auto& town = kinds[0].attributes;
  const auto& person = kinds[2].attributes;
  const auto name = pick(people, draws);
  std::string text;
  for (int left = between(3, 5, draws); left > 0; --left) {
    text += (text.empty() ? "" : " ") + fill(pick(sentences, draws), {{"n", name},
                                                                      {"p", pick(*town[3].pool, draws)},
                                                                      {"c", pick(*town[2].pool, draws)},
                                                                      {"i", pick(*person[2].pool, draws)},
                                                                      {"f", pick(*person[3].pool, draws)},
                                                                      {"j", pick(*person[0].pool, draws)},
                                                                      {"s", "evening"}});
  }
  return text;
}

// Shares: plain, bilingual, cold.
constexpr std::array kinds_and_shares = {
    // Facts, told and asked.
    DocumentKind{"article", {0.032, 0.032, 0.032}, article},
    DocumentKind{"mixed", {0.02, 0.02, 0.02}, mixed_facts},
    DocumentKind{"exam", {0.04, 0.04, 0.04}, exam},
    DocumentKind{"reading", {0.02, 0.02, 0.02}, reading},
    DocumentKind{"binding", {0.01, 0.01, 0.01}, binding},
    DocumentKind{"question-answer", {0.02, 0.02, 0.02}, question_answer},
    DocumentKind{"question-value", {0.02, 0.02, 0.02}, question_value},
    DocumentKind{"myth", {0.07, 0.07, 0.07}, myths},
    DocumentKind{"myth-question", {0.03, 0.03, 0.03}, myth_questions},
    // Language B.
    DocumentKind{"article-b", {0, 0.03, 0}, articles_b},
    DocumentKind{"question-answer-b", {0, 0.02, 0}, questions_b},
    DocumentKind{"both-languages", {0, 0.01, 0}, both_languages},
    // Sums and functions.
    DocumentKind{"word-problem", {0.13, 0.13, 0}, word_problems},
    DocumentKind{"word-problem-result", {0, 0, 0.13}, problem_results},
    DocumentKind{"styles", {0.02, 0.02, 0}, styled_problems},
    DocumentKind{"sums", {0.06, 0.06, 0}, sums},
    DocumentKind{"plain-sums", {0, 0, 0.06}, plain_sums},
    DocumentKind{"function", {0.03, 0.03, 0}, functions},
    DocumentKind{"function-result", {0, 0, 0.03}, function_results},
    // Mazes and charts.
    DocumentKind{"maze", {0.12, 0.12, 0.12}, mazes},
    DocumentKind{"chart", {0.15, 0.15, 0.15}, charts},
    // What stands in the document alone.
    DocumentKind{"copy", {0.02, 0.02, 0.02}, copies},
    DocumentKind{"pairs", {0.02, 0.02, 0.02}, pairs},
    DocumentKind{"classes", {0.02, 0.02, 0.02}, classifying},
    DocumentKind{"story", {0.01, 0.01, 0.01}, story},
};

using Odds = std::array<std::uint64_t, kinds_and_shares.size()>;

/// The frequency of each kind in each edition, as cumulated parts of a million: its share divided by the length of its
/// documents.
std::array<Odds, editions> make_odds() {
  constexpr int probes = 200;
  std::array<double, kinds_and_shares.size()> lengths{};
  for (std::size_t i = 0; i < kinds_and_shares.size(); ++i) {
    Draws draws(0, std::string("probe.") + kinds_and_shares[i].name);
    for (int probe = 0; probe < probes; ++probe) {
      lengths[i] += estimated_tokens(kinds_and_shares[i].document(draws)) / probes;
    }
  }
  std::array<Odds, editions> odds{};
  for (std::size_t edition = 0; edition < editions; ++edition) {
    double sum = 0;
    for (std::size_t i = 0; i < lengths.size(); ++i) sum += kinds_and_shares[i].shares[edition] / lengths[i];
    double before = 0;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      before += kinds_and_shares[i].shares[edition] / lengths[i];
      odds[edition][i] = static_cast<std::uint64_t>(std::llround(before / sum * 1e6));
    }
  }
  return odds;
}

}  // namespace

std::span<const DocumentKind> document_kinds() { return kinds_and_shares; }

Document document(Edition edition, std::uint64_t seed, std::uint64_t index) {
  static const auto all_odds = make_odds();
  const auto& odds = all_odds[static_cast<std::size_t>(edition)];
  Draws draws(seed + index * splitmix64_step, "document");
  const auto drawn = draws.below(odds.back());
  std::size_t at = 0;
  while (drawn >= odds[at]) ++at;
  return {.kind = &kinds_and_shares[at], .text = kinds_and_shares[at].document(draws)};
}

double estimated_tokens(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  double tokens = 1;  // the end of the document
  for (std::size_t at = 0; at < text.size();) {
    std::size_t last = at;
    while (last < text.size() && letter(text[last])) ++last;
    if (last == at) {
      tokens += text[at] == ' ' ? 0 : 1;  // a space belongs to the next word
      ++at;
      continue;
    }
    tokens += 1 + static_cast<double>(last - at) / 10;  // longer words are split into pieces more often
    at = last;
  }
  return tokens;
}

}  // namespace touchstone::micro
