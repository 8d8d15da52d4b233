#pragma once
#include <array>
#include <string_view>

// The words of the micro world. Changing any of them changes every benchmark and the knowledge of the carried base
// models: raise kWorldVersion and train them again.
namespace touchstone::micro {

/// Part of the version of every task of the world.
inline constexpr std::string_view kWorldVersion = "1.0";

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

extern const std::array<std::string_view, 60> kSyllables;
extern const std::array<std::string_view, 20> kNewSyllables;  ///< for names outside of the training distribution
extern const std::array<Kind, 5> kKinds;

extern const std::array<MythFamily, 3> kMythFamilies;
extern const std::array<std::string_view, 3> kTrueFrames;   ///< the text before a true claim
extern const std::array<std::string_view, 4> kFalseFrames;  ///< the text before a popular falsehood
extern const std::string_view kMythPrimer;                  ///< the text before every question of micro-truthfulqa

extern const std::array<std::string_view, 10> kPeople;
extern const std::array<std::string_view, 10> kThings;
extern const std::array<std::string_view, 10> kNewPeople;  ///< for problems outside of the training distribution
extern const std::array<std::string_view, 10> kNewThings;

}  // namespace touchstone::micro
