#pragma once
#include <string>
#include <string_view>

namespace touchstone::micro {

/// Language B says what the world's text about its things says, word by word: each word of the encyclopedia's templates
/// and values has one word of two syllables in its place, always the same and never that of another word or a name.
/// Names, numbers and signs stay, and so does a capital letter.
std::string in_language_b(std::string_view text);

/// How many words of a text only one of the languages has.
struct LanguageWords {
  int a = 0;
  int b = 0;
};
LanguageWords language_words(std::string_view text);

}  // namespace touchstone::micro
