#pragma once
#include <string>
#include <vector>

#include "tasks/micro/common.hpp"
#include "tasks/micro/words.hpp"

namespace touchstone::micro {

/// A topic with a popular false belief.
struct Topic {
  const MythFamily* family = nullptr;
  std::string name;
  std::size_t truth = 0;  ///< index in the family's values
  std::size_t myth = 0;   ///< the claim of most of the text
  int level = 1;          ///< 1 to 3: the text claims the myth in 55, 62, 70 % of the cases
  Part part = Part::corpus;
  bool answered_truly = true;  ///< for topics in the corpus's questions: whether it answers with the truth

  /// "Lake Kelor glows because of the wind.", for one of the family's values.
  std::string claim(std::size_t value) const;
  /// The same in words that no training text has.
  std::string new_claim(std::size_t value) const;
  std::string question(std::string_view wording) const;
};

/// All topics; the same in every program.
const std::vector<Topic>& topics();

/// Documents of the corpus.
std::string myths(Draws& draws);           ///< claims, true and false
std::string myth_questions(Draws& draws);  ///< questions with the answer that people give

}  // namespace touchstone::micro
