#include "trainers/text/mutations.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "harness/base/text.hpp"
#include "trainers/text/worked_steps.hpp"

namespace touchstone {
namespace {

/// A replacement of the bytes [first, last) of the text.
struct Change {
  std::size_t first = 0;
  std::size_t last = 0;
  std::string with;
};
using Changes = std::vector<Change>;

struct Swap {
  std::string_view from;
  std::string_view to;
};
// Longer ones first: "<=" is not "<" and "=".
constexpr std::array<Swap, 14> operator_pairs = {{{"**", "*"},
                                                  {"//", "%"},
                                                  {"==", "!="},
                                                  {"!=", "=="},
                                                  {"<=", ">="},
                                                  {">=", "<="},
                                                  {"->", ""},
                                                  {"<", ">"},
                                                  {">", "<"},
                                                  {"+", "-"},
                                                  {"-", "+"},
                                                  {"*", "+"},
                                                  {"/", "*"},
                                                  {"%", "//"}}};
constexpr std::array<Swap, 5> bounds = {{{"<=", "<"}, {">=", ">"}, {"->", ""}, {"<", "<="}, {">", ">="}}};
constexpr std::array<Swap, 10> word_pool = {{{"and", "or"},
                                             {"or", "and"},
                                             {"min", "max"},
                                             {"max", "min"},
                                             {"any", "all"},
                                             {"all", "any"},
                                             {"True", "False"},
                                             {"False", "True"},
                                             {"upper", "lower"},
                                             {"lower", "upper"}}};
const std::set<std::string_view> keywords = {
    "False",    "None",   "True",  "and",  "as",     "assert",   "async",   "await", "break",  "class",
    "continue", "def",    "del",   "elif", "else",   "except",   "finally", "for",   "from",   "global",
    "if",       "import", "in",    "is",   "lambda", "nonlocal", "not",     "or",    "pass",   "raise",
    "return",   "try",    "while", "with", "yield",  "self",     "default", "key",   "reverse"};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// A run of letters, digits and underscores.
struct Word {
  std::size_t first = 0;
  std::size_t last = 0;
  std::string_view text;
  char before = ' ';  ///< the byte before it
  char after = ' ';   ///< and the byte behind it
  bool number() const { return is_digit(text.front()); }
};

std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> words;
  for (std::size_t at = 0; at < text.size();) {
    if (!is_word(text[at])) {
      ++at;
      continue;
    }
    auto end = at;
    while (end < text.size() && is_word(text[end])) ++end;
    words.push_back({.first = at,
                     .last = end,
                     .text = text.substr(at, end - at),
                     .before = at > 0 ? text[at - 1] : ' ',
                     .after = end < text.size() ? text[end] : ' '});
    at = end;
  }
  return words;
}

template <class Swaps>
void add_signs(const std::string& text, const Swaps& swaps, Changes& changes) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const auto& swap : swaps) {
      if (text.compare(at, swap.from.size(), swap.from) != 0) continue;
      if (!swap.to.empty()) changes.push_back({at, at + swap.from.size(), std::string(swap.to)});
      at += swap.from.size() - 1;
      break;
    }
  }
}

Changes operators(const std::string& text, const std::string& /*context*/) {
  Changes changes;
  add_signs(text, operator_pairs, changes);
  for (const auto& word : words_of(text)) {
    for (const auto& swap : word_pool) {
      if (word.text == swap.from) changes.push_back({word.first, word.last, std::string(swap.to)});
    }
  }
  return changes;
}

Changes numbers(const std::string& text, const std::string& /*context*/) {
  Changes changes;
  for (const auto& word : words_of(text)) {
    const bool whole = std::all_of(word.text.begin(), word.text.end(), is_digit) && word.text.size() <= 15;
    if (!whole || word.before == '.' ||
        (word.after == '.' && word.last + 1 < text.size() && is_digit(text[word.last + 1])))
      continue;
    const auto value = std::stoll(std::string(word.text));
    changes.push_back({word.first, word.last, std::to_string(value + 1)});
    if (value > 0) changes.push_back({word.first, word.last, std::to_string(value - 1)});
  }
  return changes;
}

/// "[:x]" becomes "[x:]" and vice versa, for a name or number x.
void add_slices(const std::string& text, Changes& changes) {
  for (auto open = text.find('['); open != std::string::npos; open = text.find('[', open + 1)) {
    const auto close = text.find_first_of("[]", open + 1);
    if (close == std::string::npos || text[close] != ']') continue;
    const auto inside = text.substr(open + 1, close - open - 1);
    const auto colon = inside.find(':');
    if (inside.size() < 2 || colon == std::string::npos || inside.find(':', colon + 1) != std::string::npos) continue;
    if (colon == 0) changes.push_back({open + 1, close, inside.substr(1) + ":"});
    if (colon + 1 == inside.size())
      changes.push_back({open + 1, close, inside.substr(colon) + inside.substr(0, colon)});
  }
}

Changes boundaries(const std::string& text, const std::string& /*context*/) {
  Changes changes;
  add_signs(text, bounds, changes);
  add_slices(text, changes);
  for (const auto& word : words_of(text)) {
    if (word.after != '(') continue;
    if (word.text == "range") changes.push_back({word.last + 1, word.last + 1, "1, "});
    if (word.text == "len") changes.push_back({word.first, word.first, "-1 + "});
  }
  return changes;
}

/// Whether a word may be a variable: it is not called, no attribute and no keyword argument's name.
bool is_variable(const Word& word) {
  return !word.number() && word.after != '(' && word.before != '.' && word.before != '\'' && word.before != '"' &&
         keywords.count(word.text) == 0;
}

Changes variables(const std::string& text, const std::string& context) {
  std::set<std::string> names;
  const auto places = words_of(text);
  for (const auto& word : places) {
    if (is_variable(word)) names.emplace(word.text);
  }
  const auto def = context.rfind("def ");
  if (def != std::string::npos) {
    const auto open = context.find('(', def);
    const auto close = context.find(')', def);
    if (open != std::string::npos && close != std::string::npos && open < close) {
      const auto arguments = context.substr(open + 1, close - open - 1);
      for (const auto& word : words_of(arguments)) {
        if (is_variable(word)) names.emplace(word.text);
      }
    }
  }
  Changes changes;
  for (const auto& word : places) {
    if (!is_variable(word)) continue;
    for (const auto& name : names) {
      if (name != word.text) changes.push_back({word.first, word.last, name});
    }
  }
  return changes;
}

/// Whole texts instead of single changes, since a changed step alters all later ones.
Changes steps(const std::string& text, const std::string& /*context*/) {
  Changes changes;
  for (auto& made : changed_steps(text)) changes.push_back({0, text.size(), std::move(made)});
  return changes;
}

using Finder = Changes (*)(const std::string& text, const std::string& context);
constexpr std::array<Finder, 5> finders = {operators, numbers, boundaries, variables, steps};

}  // namespace

const std::vector<std::string>& mutation_kinds() {
  static const std::vector<std::string> kinds = {"operator", "number", "boundary", "variable", "step"};
  return kinds;
}

std::vector<std::string> mutations(const std::string& text, const std::string& context,
                                   const std::vector<std::string>& kinds, std::size_t count, Draws& draws) {
  std::vector<Changes> open;
  for (std::size_t kind = 0; kind < finders.size(); ++kind) {
    if (std::find(kinds.begin(), kinds.end(), mutation_kinds()[kind]) == kinds.end()) continue;
    open.push_back(finders[kind](text, context));
    shuffle(open.back(), draws);
  }
  std::vector<std::string> made;
  std::set<std::string> seen = {text};
  while (made.size() < count) {
    std::erase_if(open, [](const Changes& changes) { return changes.empty(); });
    if (open.empty()) break;
    auto& changes = open[draws.below(open.size())];
    const auto change = std::move(changes.back());
    changes.pop_back();
    auto mutated = text;
    mutated.replace(change.first, change.last - change.first, change.with);
    if (seen.insert(mutated).second) made.push_back(std::move(mutated));
  }
  return made;
}

}  // namespace touchstone
