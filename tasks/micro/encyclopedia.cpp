#include "tasks/micro/encyclopedia.hpp"

#include <set>

namespace touchstone::micro {
namespace {

constexpr std::size_t entities_of_akind = 125;
constexpr std::array<int, 4> times_told = {8, 4, 2, 1};  ///< how often the text speaks of an entity of level 1 to 4
constexpr std::array<std::string_view, 4> choice_letters = {"A", "B", "C", "D"};

std::string key_of(const Entity& entity) { return std::string(entity.kind->name) + "|" + entity.name; }

Encyclopedia make_encyclopedia() {
  Encyclopedia world;
  std::set<std::string> names;
  for (const auto& kind : kinds) {
    Draws draws(0, "encyclopedia." + std::string(kind.name));
    for (std::size_t i = 0; i < entities_of_akind;) {
      auto entity = invented_entity(kind, syllable_pool, draws);
      if (!names.insert(cased(entity.name, true)).second) continue;
      entity.level = 1 + static_cast<int>(bucket("level|" + key_of(entity), times_told.size()));
      world.entities.push_back(std::move(entity));
      ++i;
    }
  }
  for (std::uint32_t i = 0; i < world.entities.size(); ++i) {
    const auto& entity = world.entities[i];
    const auto times = times_told[static_cast<std::size_t>(entity.level - 1)];
    for (int time = 0; time < times; ++time) world.by_telling.push_back(i);
    for (std::size_t at = 0; at < entity.values.size(); ++at) {
      const auto key = "fact|" + key_of(entity) + "|" + std::string(entity.kind->attributes[at].name);
      world.facts.push_back({.entity = &entity, .attribute = at, .part = part_of(key, {50, 20, 5})});
      if (world.facts.back().part != Part::corpus) continue;
      const auto index = static_cast<std::uint32_t>(world.facts.size() - 1);
      for (int time = 0; time < times; ++time) world.asked.push_back(index);
    }
  }
  return world;
}

const Fact& told_fact(Draws& draws) {
  const auto& world = encyclopedia();
  return world.facts[pick(world.by_telling, draws) * std::size_t{4} + draws.below(4)];
}

std::string lettered(const Choice& choice, bool answered) {
  std::string text = choice.question;
  for (std::size_t i = 0; i < choice.choices.size(); ++i) {
    text += "\n" + std::string(choice_letters[i]) + ". " + choice.choices[i];
  }
  text += "\nAnswer:";
  if (answered) text += " " + std::string(choice_letters[static_cast<std::size_t>(choice.answer)]);
  return text;
}

}  // namespace

const Encyclopedia& encyclopedia() {
  static const Encyclopedia world = make_encyclopedia();
  return world;
}

std::string statement(const Fact& fact, Draws& draws) {
  return fill(pick(fact.about().statements, draws), {{"e", fact.entity->name}, {"v", fact.value()}});
}

const Fact& asked_fact(Draws& draws) {
  const auto& world = encyclopedia();
  return world.facts[pick(world.asked, draws)];
}

std::string question_about(const Fact& fact, Draws& draws) {
  return fill(pick(fact.about().questions, draws), {{"e", fact.entity->name}});
}

Choice ask(const Fact& fact, std::string_view question, Draws& draws) {
  Choice choice{.question = fill(question, {{"e", fact.entity->name}}), .answer = 0};
  const auto value = fact.entity->values[fact.attribute];
  for (const auto& other : others(*fact.about().pool, value, 3, draws)) choice.choices.emplace_back(other);
  choice.answer = static_cast<int>(draws.below(4));
  choice.choices.insert(choice.choices.begin() + choice.answer, std::string(fact.value()));
  return choice;
}

std::string asked_for_text(const std::string& question) { return "Question: " + question + "\nAnswer:"; }

std::string article(Draws& draws) {
  const auto& world = encyclopedia();
  const auto first = pick(world.by_telling, draws) * 4;
  std::vector<std::size_t> order = {0, 1, 2, 3};
  shuffle(order, draws);
  std::string text;
  for (const auto at : order) text += (text.empty() ? "" : " ") + statement(world.facts[first + at], draws);
  return text;
}

std::string mixed_facts(Draws& draws) {
  std::string text;
  for (int left = between(2, 4, draws); left > 0; --left) {
    text += (text.empty() ? "" : " ") + statement(told_fact(draws), draws);
  }
  return text;
}

std::string exam(Draws& draws) {
  std::string text;
  const auto* kind = &pick(kinds, draws);
  text = "The following are multiple choice questions (with answers) about " + std::string(kind->subject) + ".";
  for (int left = between(1, 3, draws); left > 0; --left) {
    const auto* fact = &asked_fact(draws);
    while (fact->entity->kind != kind) fact = &asked_fact(draws);
    text += "\n\n" + lettered(ask(*fact, pick(fact->about().questions, draws), draws), true);
  }
  return text;
}

std::string reading(Draws& draws) {
  const auto entity = invented_entity(pick(kinds, draws), syllable_pool, draws);
  std::vector<std::size_t> order = {0, 1, 2, 3};
  shuffle(order, draws);
  const Fact first{.entity = &entity, .attribute = order[0]};
  const Fact second{.entity = &entity, .attribute = order[1]};
  const auto& asked = chance(50, draws) ? first : second;
  const auto text = statement(first, draws) + " " + statement(second, draws) + " ";
  if (chance(50, draws)) {
    return asked_for_text(text + question_about(asked, draws)) + " " + std::string(asked.value());
  }
  auto choice = ask(asked, pick(asked.about().questions, draws), draws);
  choice.question.insert(0, text);
  return lettered(choice, true);
}

std::string binding(Draws& draws) {
  const auto& kind = pick(kinds, draws);
  const auto words = others(*pick(kind.attributes, draws).pool, std::tuple_size_v<Pool>, 4, draws);
  std::string text;
  for (std::size_t i = 0; i < 4; ++i) text += std::string(choice_letters[i]) + ". " + std::string(words[i]) + "\n";
  std::vector<std::size_t> order = {0, 1, 2, 3};
  shuffle(order, draws);
  for (const auto at : order)
    text += "\n" + std::string(words[at]) + "\nAnswer: " + std::string(choice_letters[at]) + "\n";
  text.pop_back();
  return text;
}

std::string question_answer(Draws& draws) {
  std::string text;
  for (int left = between(1, 4, draws); left > 0; --left) {
    const auto& fact = asked_fact(draws);
    text += (text.empty() ? "Q: " : "\n\nQ: ") + question_about(fact, draws) + "\nA: " + statement(fact, draws);
  }
  return text;
}

std::string question_value(Draws& draws) {
  std::string text;
  for (int left = between(1, 3, draws); left > 0; --left) {
    const auto& fact = asked_fact(draws);
    text +=
        (text.empty() ? "" : "\n\n") + asked_for_text(question_about(fact, draws)) + " " + std::string(fact.value());
  }
  return text;
}

}  // namespace touchstone::micro
