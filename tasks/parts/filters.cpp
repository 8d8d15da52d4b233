#include "tasks/parts/filters.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cmath>

#include "harness/base/text.hpp"

namespace touchstone {
namespace {

bool is_ascii_punctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

/// Lower case without any character of a Unicode punctuation class.
std::string plain_words(std::string_view text) {
  std::string words;
  for_each_code_point(lower(text), [&](std::int32_t code, std::string_view bytes) {
    const auto category = code < 0 ? UTF8PROC_CATEGORY_CN : utf8proc_category(code);
    if (category < UTF8PROC_CATEGORY_PC || category > UTF8PROC_CATEGORY_PO) words += bytes;
  });
  return words;
}

std::string letter_of(std::size_t choice) { return std::string("(") + static_cast<char>('A' + choice) + ")"; }

}  // namespace

std::string RegexFilter::operator()(std::string_view response) const {
  const auto matches = regex_.find_all(response);
  if (matches.empty()) return invalid;
  const auto& match = pick_ == Pick::first ? matches.front() : matches.back();
  if (match.groups.empty()) return std::string(strip(response.substr(match.first, match.last - match.first)));
  if (match.groups.size() == 1) return std::string(strip(match.groups.front().value_or("")));
  for (const auto& group : match.groups) {
    if (group && !group->empty()) return std::string(strip(*group));
  }
  return invalid;
}

std::string multi_choice_regex(const RegexFilter& pattern, std::string_view response,
                               const std::vector<std::string>& choices) {
  auto found = pattern(response);
  if (!found.empty() && found != invalid) return found;
  std::vector<std::string> texts;
  std::string any;
  std::string letters;
  for (std::size_t i = 0; i < choices.size() && i < 26; ++i) {
    texts.push_back(plain_words(strip(choices[i])));
    any += (i == 0 ? "" : "|") + regex_escape(texts.back());
    letters += (i == 0 ? "" : "|") + std::string(1, static_cast<char>('A' + i));
  }
  const auto words = plain_words(response);
  if (const auto match = Regex(any).find(words)) {
    const auto text = std::string(strip(std::string_view(words).substr(match->first, match->last - match->first)));
    // Of equal texts the last wins: the reference keeps them in a dictionary.
    for (std::size_t i = texts.size(); i-- > 0 && !text.empty();) {
      if (texts[i] == text) return letter_of(i);
    }
    if (!text.empty()) return text;
  }
  found = RegexFilter(":[\\s]*(" + letters + ")")(response);
  return found == invalid || found.empty() ? invalid : "(" + found + ")";
}

ExactMatch::ExactMatch(const Options& options)
    : ignore_case_(options.ignore_case), ignore_punctuation_(options.ignore_punctuation) {
  for (const auto& pattern : options.ignored_patterns) ignored_.emplace_back(pattern);
}

std::string ExactMatch::normal(std::string_view text) const {
  std::string result(text);
  for (const auto& pattern : ignored_) result = pattern.remove_all(result);
  if (ignore_case_) result = lower(result);
  if (ignore_punctuation_) std::erase_if(result, is_ascii_punctuation);
  return result;
}

bool ExactMatch::operator()(std::string_view prediction, std::string_view reference) const {
  return normal(prediction) == normal(reference);
}

std::string lower(std::string_view utf8) {
  std::string result;
  result.reserve(utf8.size());
  for_each_code_point(utf8, [&](std::int32_t code, std::string_view bytes) {
    if (code < 0) {
      result += bytes;
    } else if (code == 0x130) {
      result += "i\u0307";  // the only character whose lower case has two characters
    } else {
      append_code_point(result, utf8proc_tolower(code));
    }
  });
  return result;
}

std::string_view first_text(const Response& response) {
  return response.generated.empty() ? std::string_view() : std::string_view(response.generated.front().text);
}

std::optional<double> answer_confidence(const Response& response) {
  if (response.generated.empty() || response.generated.front().logp_nats.empty()) return std::nullopt;
  double sum = 0;
  for (const double logp : response.generated.front().logp_nats) sum += logp;
  const double mean = sum / static_cast<double>(response.generated.front().logp_nats.size());
  return std::isfinite(mean) ? std::optional(std::min(1.0, std::exp(mean))) : std::nullopt;
}

}  // namespace touchstone
