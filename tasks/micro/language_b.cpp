#include "tasks/micro/language_b.hpp"

#include <cctype>
#include <map>
#include <set>

#include "tasks/micro/encyclopedia.hpp"

namespace touchstone::micro {
namespace {

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
char lower_letter(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

std::string lowered(std::string_view word) {
  std::string out(word);
  for (char& c : out) c = lower_letter(c);
  return out;
}

/// Calls visit(piece, is_word) for each run of letters and for the text between them.
template <class Visit>
void walk(std::string_view text, const Visit& visit) {
  for (std::size_t at = 0; at < text.size();) {
    auto end = at;
    const bool word = is_letter(text[at]);
    while (end < text.size() && is_letter(text[end]) == word) ++end;
    visit(text.substr(at, end - at), word);
    at = end;
  }
}

struct Dictionary {
  std::map<std::string, std::string> to_b;
  std::set<std::string> b;
};

/// The words of a template, without text in braces.
void add_words(std::string_view pattern, std::set<std::string>& words) {
  bool inside = false;
  walk(pattern, [&](std::string_view piece, bool word) {
    if (word && !inside) words.insert(lowered(piece));
    if (!word) inside = piece.back() == '{';
  });
}

Dictionary make_dictionary() {
  std::set<std::string> words;
  for (const auto& kind : kinds) {
    for (const auto& about : kind.attributes) {
      for (const auto& text : about.statements) add_words(text, words);
      for (const auto& text : about.questions) add_words(text, words);
      add_words(about.new_question, words);
      for (const auto& value : *about.pool) add_words(value, words);
    }
  }
  std::set<std::string> taken = words;
  for (const auto& entity : encyclopedia().entities) taken.insert(lowered(entity.name));
  Dictionary dictionary;
  Draws draws(0, "language-b");
  for (const auto& word : words) {
    std::string made;
    do {
      made = std::string(pick(syllable_pool, draws)) + std::string(pick(syllable_pool, draws));
    } while (!taken.insert(made).second);
    dictionary.b.insert(made);
    dictionary.to_b.emplace(word, std::move(made));
  }
  return dictionary;
}

const Dictionary& dictionary() {
  static const Dictionary made = make_dictionary();
  return made;
}

}  // namespace

std::string in_language_b(std::string_view text) {
  std::string out;
  walk(text, [&](std::string_view piece, bool word) {
    const auto found = word ? dictionary().to_b.find(lowered(piece)) : dictionary().to_b.end();
    if (found == dictionary().to_b.end()) {
      out += piece;
      return;
    }
    auto translated = found->second;
    if (lower_letter(piece.front()) != piece.front()) translated = cased(std::move(translated), false);
    out += translated;
  });
  return out;
}

LanguageWords language_words(std::string_view text) {
  LanguageWords count;
  walk(text, [&](std::string_view piece, bool word) {
    if (!word) return;
    const auto lower = lowered(piece);
    if (dictionary().to_b.count(lower) != 0) ++count.a;
    if (dictionary().b.count(lower) != 0) ++count.b;
  });
  return count;
}

std::string articles_b(Draws& draws) {
  std::string text;
  for (int left = between(2, 4, draws); left > 0; --left) {
    text += (text.empty() ? "" : " ") + in_language_b(statement(asked_fact(draws), draws));
  }
  return text;
}

std::string questions_b(Draws& draws) {
  std::string text;
  for (int left = between(1, 4, draws); left > 0; --left) {
    const auto& fact = asked_fact(draws);
    text += (text.empty() ? "Q: " : "\n\nQ: ") + in_language_b(question_about(fact, draws)) +
            "\nA: " + in_language_b(statement(fact, draws));
  }
  return text;
}

std::string both_languages(Draws& draws) {
  std::string text;
  for (int left = between(1, 3, draws); left > 0; --left) {
    const auto said = statement(asked_fact(draws), draws);
    text += (text.empty() ? "" : "\n\n") + said + "\n" + in_language_b(said);
  }
  return text;
}

}  // namespace touchstone::micro
