#pragma once
#include <string>

#include "tasks/micro/common.hpp"

// Documents whose answers stand in the documents themselves and nowhere else: what a model must copy or infer from what
// it has just read, not remember.
namespace touchstone::micro {

/// A name as programs have them, of invented pieces that no other document repeats: "lam_tor_7".
std::string drawn_identifier(Draws& draws);

/// Documents of the corpus.
std::string copies(Draws& draws);       ///< identifiers, repeated in their order, by their number and by the one before
std::string pairs(Draws& draws);        ///< "key=value" lines looked up, and calls of given functions with given values
std::string classifying(Draws& draws);  ///< words and labels that stand for an unnamed class of words

}  // namespace touchstone::micro
