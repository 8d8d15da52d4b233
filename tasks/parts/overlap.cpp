#include "tasks/parts/overlap.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "harness/base/text.hpp"
#include "tasks/parts/filters.hpp"

namespace touchstone {
namespace {

using Words = std::vector<std::string>;
using Counts = std::map<Words, int>;

enum class Kind : std::uint8_t { number, punctuation, symbol, other };

Kind kind_of(std::int32_t code) {
  const auto category = code < 0 ? UTF8PROC_CATEGORY_CN : utf8proc_category(code);
  if (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO) return Kind::number;
  if (category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO) return Kind::punctuation;
  if (category >= UTF8PROC_CATEGORY_SM && category <= UTF8PROC_CATEGORY_SO) return Kind::symbol;
  return Kind::other;
}

struct Letter {
  std::string bytes;
  Kind kind = Kind::other;
};

std::vector<Letter> letters_of(std::string_view text) {
  std::vector<Letter> letters;
  for_each_code_point(text, [&](std::int32_t code, std::string_view bytes) {
    letters.push_back({std::string(bytes), kind_of(code)});
  });
  return letters;
}

/// One pass of "replace (first)(second) by \1 + between + \2 + after", matches not overlapping, left to right.
template <class First, class Second>
std::vector<Letter> space_pairs(const std::vector<Letter>& letters, const First& first, const Second& second,
                                bool space_before) {
  const Letter space{" ", Kind::other};
  std::vector<Letter> spaced;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    if (i + 1 == letters.size() || !first(letters[i].kind) || !second(letters[i + 1].kind)) {
      spaced.push_back(letters[i]);
      continue;
    }
    if (space_before) spaced.push_back(space);
    spaced.push_back(letters[i]);
    spaced.push_back(space);
    spaced.push_back(letters[i + 1]);
    if (!space_before) spaced.push_back(space);
    ++i;
  }
  return spaced;
}

Words split_at_space(std::string_view text) {
  Words words;
  while (true) {
    text = lstrip(text);
    if (text.empty()) return words;
    std::size_t end = 0;
    while (end < text.size() && lstrip(text.substr(end)).size() == text.size() - end) ++end;
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

/// sacrebleu's tokenizer "intl": symbols, and punctuation that does not touch a number, become tokens of their own.
Words international_words(std::string_view text) {
  const auto punctuation = [](Kind kind) { return kind == Kind::punctuation; };
  const auto not_number = [](Kind kind) { return kind != Kind::number; };
  auto letters = letters_of(rstrip(text));
  letters = space_pairs(letters, not_number, punctuation, false);
  letters = space_pairs(letters, punctuation, not_number, true);
  std::string spaced;
  for (const auto& letter : letters) {
    spaced += letter.kind == Kind::symbol ? " " + letter.bytes + " " : letter.bytes;
  }
  return split_at_space(spaced);
}

Counts count_grams(const Words& words, std::size_t order) {
  Counts counts;
  for (std::size_t i = 0; i + order <= words.size(); ++i) {
    const auto first = words.begin() + static_cast<std::ptrdiff_t>(i);
    ++counts[Words(first, first + static_cast<std::ptrdiff_t>(order))];
  }
  return counts;
}

int common(const Counts& a, const Counts& b) {
  int shared = 0;
  for (const auto& [gram, count] : a) {
    const auto other = b.find(gram);
    if (other != b.end()) shared += std::min(count, other->second);
  }
  return shared;
}

/// Lower-case runs of a-z and 0-9.
Words rouge_words(std::string_view text) {
  Words words;
  bool inside = false;
  for (const char c : lower(text)) {
    const bool keeps = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (keeps && !inside) words.emplace_back();
    if (keeps) words.back() += c;
    inside = keeps;
  }
  return words;
}

double f_measure(double precision, double recall) {
  return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0.0;
}

double rouge_n(const Words& output, const Words& reference, std::size_t order) {
  const auto said = count_grams(output, order);
  const auto wanted = count_grams(reference, order);
  const auto total = [](const Words& words, std::size_t n) {
    return static_cast<double>(std::max<std::size_t>(words.size() + 1 > n ? words.size() + 1 - n : 0, 1));
  };
  const double shared = common(wanted, said);
  return f_measure(shared / total(output, order), shared / total(reference, order));
}

std::vector<Words> sentences(std::string_view text) {
  std::vector<Words> all;
  for (const auto& line : split(replace_all(std::string(text), " . ", ".\n"), '\n')) {
    if (!line.empty()) all.push_back(rouge_words(line));
  }
  return all;
}

/// Indices in `reference` of one longest common subsequence. Goes diagonally at equal words, left where that is larger.
void add_subsequence(const Words& reference, const Words& output, std::set<std::size_t>& indices) {
  const std::size_t width = output.size() + 1;
  std::vector<int> table((reference.size() + 1) * width, 0);
  const auto at = [&](std::size_t i, std::size_t j) -> int& { return table[i * width + j]; };
  for (std::size_t i = 1; i <= reference.size(); ++i) {
    for (std::size_t j = 1; j <= output.size(); ++j) {
      at(i, j) = reference[i - 1] == output[j - 1] ? at(i - 1, j - 1) + 1 : std::max(at(i - 1, j), at(i, j - 1));
    }
  }
  std::size_t i = reference.size();
  std::size_t j = output.size();
  while (i > 0 && j > 0) {
    if (reference[i - 1] == output[j - 1]) {
      indices.insert(--i);
      --j;
    } else if (at(i, j - 1) > at(i - 1, j)) {
      --j;
    } else {
      --i;
    }
  }
}

double rouge_lsum(std::string_view output, std::string_view reference) {
  const auto said = sentences(output);
  const auto wanted = sentences(reference);
  std::map<std::string, int> left_said;
  std::map<std::string, int> left_wanted;
  double said_words = 0;
  double wanted_words = 0;
  for (const auto& sentence : said) {
    for (const auto& word : sentence) ++left_said[word];
    said_words += static_cast<double>(sentence.size());
  }
  for (const auto& sentence : wanted) {
    for (const auto& word : sentence) ++left_wanted[word];
    wanted_words += static_cast<double>(sentence.size());
  }
  if (said_words == 0 || wanted_words == 0) return 0;
  double hits = 0;
  for (const auto& sentence : wanted) {
    std::set<std::size_t> indices;
    for (const auto& candidate : said) add_subsequence(sentence, candidate, indices);
    for (const auto index : indices) {
      const auto& word = sentence[index];
      if (left_said[word] <= 0 || left_wanted[word] <= 0) continue;
      ++hits;
      --left_said[word];
      --left_wanted[word];
    }
  }
  return f_measure(hits / said_words, hits / wanted_words);
}

}  // namespace

double sentence_bleu(std::string_view output, std::string_view reference) {
  const auto said = international_words(output);
  const auto wanted = international_words(reference);
  std::array<int, 4> matched{};
  std::array<int, 4> total{};
  for (std::size_t order = 1; order <= 4; ++order) {
    const auto grams = count_grams(said, order);
    matched[order - 1] = common(grams, count_grams(wanted, order));
    total[order - 1] = static_cast<int>(said.size() + 1 > order ? said.size() + 1 - order : 0);
  }
  if (std::all_of(matched.begin(), matched.end(), [](int count) { return count == 0; })) return 0;
  std::array<double, 4> precision{};
  double smoothing = 1;
  for (std::size_t order = 0; order < 4 && total[order] > 0; ++order) {
    if (matched[order] == 0) {
      smoothing *= 2;
      precision[order] = 100.0 / (smoothing * total[order]);
    } else {
      precision[order] = 100.0 * matched[order] / total[order];
    }
  }
  double logs = 0;
  for (const double p : precision) logs += p == 0 ? -9999999999.0 : std::log(p);
  const auto ratio = static_cast<double>(wanted.size()) / static_cast<double>(said.size());
  const double brevity = said.size() < wanted.size() ? std::exp(1 - ratio) : 1.0;
  return brevity * std::exp(logs / 4);
}

Rouge rouge(std::string_view output, std::string_view reference) {
  const auto prepared = [](std::string_view text) { return rouge_words(replace_all(std::string(text), " . ", ".\n")); };
  const auto said = prepared(output);
  const auto wanted = prepared(reference);
  return {.rouge1 = rouge_n(said, wanted, 1) * 100,
          .rouge2 = rouge_n(said, wanted, 2) * 100,
          .rouge_lsum = rouge_lsum(output, reference) * 100};
}

}  // namespace touchstone
