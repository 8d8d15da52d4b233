#pragma once
#include <array>
#include <string_view>

// The words of the micro world. Changing any of them changes every benchmark and the knowledge of the carried base
// models: raise world_version and train them again.
namespace touchstone::micro {

/// Part of the version of every task of the world.
inline constexpr std::string_view world_version = "2.0";

/// The possible values of an attribute.
using Pool = std::array<std::string_view, 12>;

/// One attribute of all entities of a kind. In templates {e} is the entity, {v} the value.
struct Attribute {
  std::string_view name;
  const Pool* pool;
  std::array<std::string_view, 3> statements;
  std::array<std::string_view, 2> questions;
  std::string_view new_question;  ///< a wording that no training text has
};

/// A kind of entity.
struct Kind {
  std::string_view name;
  std::string_view subject;
  bool lower_case;  ///< names are common nouns
  std::array<Attribute, 4> attributes;
};

/// Topics that share a claim: {e} has the effect {v}.
struct MythFamily {
  std::string_view name;
  Pool values;
  bool lower_case;
  std::string_view statement;
  std::array<std::string_view, 2> questions;
  std::array<std::string_view, 2> new_questions;  ///< wordings that no training text has
  std::string_view new_statement;
};

extern const std::array<std::string_view, 60> syllable_pool;
extern const std::array<std::string_view, 20> new_syllables;  ///< for names outside of the training distribution
extern const std::array<Kind, 5> kinds;

extern const std::array<MythFamily, 3> myth_families;
extern const std::array<std::string_view, 3> true_frames;   ///< the text before a true claim
extern const std::array<std::string_view, 4> false_frames;  ///< the text before a popular falsehood
extern const std::string_view myth_primer;                  ///< the text before every question of micro-truthfulqa

extern const std::array<std::string_view, 10> people;
extern const std::array<std::string_view, 10> things;
extern const std::array<std::string_view, 10> new_people;  ///< for problems outside of the training distribution
extern const std::array<std::string_view, 10> new_things;

}  // namespace touchstone::micro
