#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tasks/micro/common.hpp"
#include "tasks/micro/words.hpp"

namespace touchstone::micro {

/// An entity of the world.
struct Entity {
  const Kind* kind = nullptr;
  std::string name;
  std::array<std::uint8_t, 4> values{};  ///< for each attribute of its kind the index in the attribute's pool
  int level = 1;                         ///< 1 to 4: the text mentions it often to seldom (8 : 4 : 2 : 1)
};

/// One true fact about an entity.
struct Fact {
  const Entity* entity = nullptr;
  std::size_t attribute = 0;
  Part part = Part::corpus;  ///< the part in which it may be asked; the text tells all facts

  const Attribute& about() const { return entity->kind->attributes[attribute]; }
  std::string_view value() const { return (*about().pool)[entity->values[attribute]]; }
};

/// All true facts: the same in every program, because the carried base models have learnt them.
struct Encyclopedia {
  std::vector<Entity> entities;
  std::vector<Fact> facts;                ///< four an entity, in the order of the entities
  std::vector<std::uint32_t> by_telling;  ///< indices of entities, each as often as its level asks for
  std::vector<std::uint32_t> asked;       ///< indices of the facts in the corpus's questions, weighted like by_telling
};
const Encyclopedia& encyclopedia();

/// "Kelor lies in Norland.": the fact in one of its wordings.
std::string statement(const Fact& fact, Draws& draws);

/// A fact that the text may ask, drawn as often as the text speaks of its entity.
const Fact& asked_fact(Draws& draws);

/// "Which land does Kelor belong to?": the fact asked in one of its wordings.
std::string question_about(const Fact& fact, Draws& draws);

/// A question with four answers to choose from.
struct Choice {
  std::string question;
  std::vector<std::string> choices{};
  int answer = 0;
};

/// Asks for a fact: three other values of its pool beside the right one, in random order.
Choice ask(const Fact& fact, std::string_view question, Draws& draws);

/// An entity that does not exist in the world: its name made of the given syllables, its values drawn.
template <class Syllables>
Entity invented_entity(const Kind& kind, const Syllables& syllables, Draws& draws) {
  Entity entity{.kind = &kind, .name = cased(invented_name(syllables, draws), kind.lower_case), .values = {}};
  for (auto& value : entity.values) value = static_cast<std::uint8_t>(draws.below(std::tuple_size_v<Pool>));
  return entity;
}

/// "Question: Q\nAnswer:" as the form that chooses among the answers' texts writes it.
std::string asked_for_text(const std::string& question);

/// Documents of the corpus.
std::string article(Draws& draws);          ///< the four facts of one entity
std::string mixed_facts(Draws& draws);      ///< facts of several entities
std::string exam(Draws& draws);             ///< one to three questions with lettered answers
std::string reading(Draws& draws);          ///< an invented entity, two statements, a question about one of them
std::string binding(Draws& draws);          ///< which letter stands before which word
std::string question_answer(Draws& draws);  ///< "Q: ...\nA: statement"
std::string question_value(Draws& draws);   ///< "Question: ...\nAnswer: value"

}  // namespace touchstone::micro
