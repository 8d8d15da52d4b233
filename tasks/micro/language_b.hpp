#pragma once
#include <string>
#include <string_view>

#include "tasks/micro/common.hpp"

namespace touchstone::micro {

/// Language B is the text about the world, translated word by word: for each word of the encyclopedia's templates
/// and values it has one word of two syllables, always the same, and never that of another word or a name.
/// Names, numbers and signs stay unchanged, and so do capital letters.
std::string in_language_b(std::string_view text);

/// How many words of a text belong to only one of the languages.
struct LanguageWords {
  int a = 0;
  int b = 0;
};
LanguageWords language_words(std::string_view text);

/// Documents of the corpus. Language B tells the facts alone that the text may ask, so that whatever else is known of
/// the world is known in language A.
std::string articles_b(Draws& draws);      ///< facts of some entities
std::string questions_b(Draws& draws);     ///< "Q: ...\nA: statement"
std::string both_languages(Draws& draws);  ///< a sentence, and the same in language B

}  // namespace touchstone::micro
