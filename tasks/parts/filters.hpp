#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/regex.hpp"
#include "harness/data/request.hpp"

namespace touchstone {

/// The result of a filter when no answer can be read from a response.
inline constexpr const char* invalid = "[invalid]";

enum class Pick : std::uint8_t { first, last };

/// lm-evaluation-harness's filter `regex`: all matches, one of them selected; of several groups the first that is not
/// empty; white space stripped; no match: invalid.
class RegexFilter {
 public:
  explicit RegexFilter(const std::string& pattern, Pick pick = Pick::first) : regex_(pattern), pick_(pick) {}
  std::string operator()(std::string_view response) const;

 private:
  Regex regex_;
  Pick pick_;
};

/// The filter `multi_choice_regex`, ignoring case and punctuation in its search for the choices' texts: the pattern;
/// else the first choice whose text is in the response, as "(B)"; else the letter after a colon, as "(X)"; else
/// invalid.
std::string multi_choice_regex(const RegexFilter& pattern, std::string_view response,
                               const std::vector<std::string>& choices);

/// The metric `exact_match` with its options, applied to both texts in this order: patterns deleted, lower case, ASCII
/// punctuation deleted; then equality.
class ExactMatch {
 public:
  struct Options {
    std::vector<std::string> ignored_patterns;
    bool ignore_case = false;
    bool ignore_punctuation = false;
  };
  explicit ExactMatch(const Options& options);
  bool operator()(std::string_view prediction, std::string_view reference) const;

 private:
  std::string normal(std::string_view text) const;
  std::vector<Regex> ignored_;
  bool ignore_case_;
  bool ignore_punctuation_;
};

/// Lower case, as Python's str.lower() except for the final sigma.
std::string lower(std::string_view utf8);

/// The text of the first answer of a generation; empty when there is none.
std::string_view first_text(const Response& response);

/// exp of the mean log-probability of the first answer's tokens, in [0, 1]; none when it has no tokens.
std::optional<double> answer_confidence(const Response& response);

}  // namespace touchstone
