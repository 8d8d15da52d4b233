#include "tasks/micro/in_context.hpp"

#include <algorithm>
#include <set>

#include "tasks/micro/words.hpp"

namespace touchstone::micro {
namespace {

/// One to two syllables.
std::string drawn_piece(Draws& draws) {
  std::string piece(pick(syllable_pool, draws));
  if (chance(50, draws)) piece += pick(syllable_pool, draws);
  return piece;
}

/// Different identifiers; every second one begins as the one before.
std::vector<std::string> drawn_identifiers(std::size_t count, Draws& draws) {
  std::vector<std::string> all;
  std::set<std::string> seen;
  while (all.size() < count) {
    auto name = drawn_identifier(draws);
    if (all.size() % 2 == 1) name = all.back().substr(0, all.back().find('_') + 1) + drawn_piece(draws);
    if (seen.insert(name).second) all.push_back(std::move(name));
  }
  shuffle(all, draws);
  return all;
}

/// Different short words.
std::vector<std::string> drawn_words(std::size_t count, Draws& draws) {
  std::set<std::string> seen;
  std::vector<std::string> words;
  while (words.size() < count) {
    auto word = drawn_piece(draws);
    if (seen.insert(word).second) words.push_back(std::move(word));
  }
  return words;
}

/// A word of the world, an invented name or a number.
std::string drawn_value(Draws& draws) {
  switch (draws.below(3)) {
    case 0:
      return std::string(pick(*pick(pick(kinds, draws).attributes, draws).pool, draws));
    case 1:
      return cased(invented_name(syllable_pool, draws), /*lower_case=*/false);
    default:
      return std::to_string(between(2, 99, draws));
  }
}

/// Lines in a row.
std::string lines_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

/// "get_lam(kel, mi)" and what is wished of it; a call names each argument: "get_lam(kel='Tom', mi='4')".
struct Callable {
  std::string name;
  std::vector<std::string> parameters;

  std::string signature() const {
    std::string text = name + "(";
    for (std::size_t i = 0; i < parameters.size(); ++i) text += (i == 0 ? "" : ", ") + parameters[i];
    return text + ")";
  }
};

std::string wish_and_call(const Callable& function, Draws& draws) {
  std::string wish = "Call " + function.name + ":";
  std::string call = function.name + "(";
  for (std::size_t i = 0; i < function.parameters.size(); ++i) {
    const auto value = drawn_value(draws);
    wish += (i == 0 ? " " : ", ") + function.parameters[i] + " is " + value;
    call += (i == 0 ? "" : ", ") + function.parameters[i] + "='" + value + "'";
  }
  return wish + "\n" + call + ")\n";
}

std::string called(Draws& draws) {
  std::vector<Callable> functions;
  for (auto& name : drawn_identifiers(static_cast<std::size_t>(between(2, 4, draws)), draws)) {
    functions.push_back({std::move(name), drawn_words(static_cast<std::size_t>(between(1, 2, draws)), draws)});
  }
  std::string text;
  for (const auto& function : functions) text += function.signature() + "\n";
  for (int left = between(1, 3, draws); left > 0; --left) text += "\n" + wish_and_call(pick(functions, draws), draws);
  text.pop_back();
  return text;
}

}  // namespace

std::string drawn_identifier(Draws& draws) {
  auto name = drawn_piece(draws);
  for (int more = between(1, 2, draws); more > 0; --more) name += "_" + drawn_piece(draws);
  if (chance(20, draws)) name += "_" + std::to_string(between(2, 99, draws));
  return name;
}

std::string copies(Draws& draws) {
  const auto names = drawn_identifiers(static_cast<std::size_t>(between(3, 6, draws)), draws);
  auto text = lines_of(names);
  switch (draws.below(3)) {
    case 0:  // all again, in their order
      text += "\nAgain:\n" + lines_of(names);
      break;
    case 1:  // by their number
      for (int left = between(2, 3, draws); left > 0; --left) {
        const auto& name = pick(names, draws);
        text += "\nNumber " + std::to_string(1 + &name - names.data()) + ": " + name;
      }
      return text;
    default:  // which stands behind which
      for (int left = between(2, 3, draws); left > 0; --left) {
        const auto at = draws.below(names.size() - 1);
        text += "\nAfter " + names[at] + ": " + names[at + 1];
      }
      return text;
  }
  text.pop_back();
  return text;
}

std::string pairs(Draws& draws) {
  if (chance(50, draws)) return called(draws);
  const auto keys = drawn_words(static_cast<std::size_t>(between(3, 6, draws)), draws);
  std::vector<std::string> lines;
  for (const auto& key : keys) lines.push_back(key + "=" + drawn_value(draws));
  auto text = lines_of(lines);
  for (int left = between(2, 4, draws); left > 0; --left) text += "\nGiven: " + pick(lines, draws);
  return text;
}

std::string classifying(Draws& draws) {
  // Pools may share words ("fish" is traded and eaten): a word of two classes would have no right label.
  const auto count = static_cast<std::size_t>(between(2, 3, draws));
  std::vector<const Pool*> classes;
  std::set<std::string_view> words;
  while (classes.size() < count) {
    const auto* pool = pick(pick(kinds, draws).attributes, draws).pool;
    if (std::any_of(pool->begin(), pool->end(), [&](std::string_view word) { return words.count(word) != 0; }))
      continue;
    words.insert(pool->begin(), pool->end());
    classes.push_back(pool);
  }
  const auto labels = drawn_words(count, draws);
  std::set<std::string_view> shown;
  std::string text;
  for (int left = between(6, 12, draws); left > 0;) {
    const auto at = draws.below(count);
    const auto word = pick(*classes[at], draws);
    if (!shown.insert(word).second) continue;
    text += (text.empty() ? "" : "\n") + std::string(word) + " -> " + labels[at];
    --left;
  }
  return text;
}

}  // namespace touchstone::micro
