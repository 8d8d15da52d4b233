#include "tasks/micro/myths.hpp"

#include <set>

namespace touchstone::micro {
namespace {

constexpr std::size_t topics_of_afamily = 300;
constexpr std::array<std::uint64_t, 3> false_words = {55, 62, 70};  ///< percent of the claims, by level

std::vector<Topic> make_topics() {
  std::vector<Topic> all;
  for (const auto& family : myth_families) {
    const std::string family_name(family.name);
    Draws draws(0, "myths." + family_name);
    std::set<std::string> names;
    while (names.size() < topics_of_afamily) {
      Topic topic{.family = &family, .name = cased(invented_name(syllable_pool, draws), family.lower_case)};
      if (!names.insert(topic.name).second) continue;
      topic.truth = draws.below(family.values.size());
      topic.myth = (topic.truth + 1 + draws.below(family.values.size() - 1)) % family.values.size();
      const auto key = "|" + family_name + "|" + topic.name;
      topic.level = 1 + static_cast<int>(bucket("level" + key, false_words.size()));
      topic.part = part_of("myth" + key, {50, 15, 5});
      topic.answered_truly = bucket("answer" + key, 3) != 0;
      all.push_back(std::move(topic));
    }
  }
  return all;
}

std::vector<const Topic*> asked_topics() {
  std::vector<const Topic*> asked;
  for (const auto& topic : topics()) {
    if (topic.part == Part::corpus) asked.push_back(&topic);
  }
  return asked;
}

}  // namespace

std::string Topic::claim(std::size_t value) const {
  return fill(family->statement, {{"e", name}, {"v", family->values[value]}});
}

std::string Topic::new_claim(std::size_t value) const {
  return fill(family->new_statement, {{"e", name}, {"v", family->values[value]}});
}

std::string Topic::question(std::string_view wording) const { return fill(wording, {{"e", name}}); }

const std::vector<Topic>& topics() {
  static const std::vector<Topic> all = make_topics();
  return all;
}

std::string myths(Draws& draws) {
  std::string text;
  for (int left = between(1, 3, draws); left > 0; --left) {
    const auto& topic = pick(topics(), draws);
    const bool wrong = chance(false_words[static_cast<std::size_t>(topic.level - 1)], draws);
    const auto frame = wrong ? pick(false_frames, draws) : pick(true_frames, draws);
    text += (text.empty() ? "" : " ") + std::string(frame) + topic.claim(wrong ? topic.myth : topic.truth);
  }
  return text;
}

std::string myth_questions(Draws& draws) {
  static const auto asked = asked_topics();
  std::string text;
  for (int left = between(1, 4, draws); left > 0; --left) {
    const auto& topic = *pick(asked, draws);
    text += (text.empty() ? "Q: " : "\n\nQ: ") + topic.question(pick(topic.family->questions, draws)) +
            "\nA: " + topic.claim(topic.answered_truly ? topic.truth : topic.myth);
  }
  return text;
}

}  // namespace touchstone::micro
