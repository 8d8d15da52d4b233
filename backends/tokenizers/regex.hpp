#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "harness/base/pcre.hpp"

namespace touchstone::tokenizers {

/// A match [first, last), in bytes.
struct Match {
  std::size_t first = 0;
  std::size_t last = 0;
};

/// A regular expression as tokenizer.json writes it (Oniguruma's Ruby syntax), run by PCRE2 with a bound on its work.
class Regex {
 public:
  /// Throws Fault::checkpoint naming `where` for a pattern that cannot be reproduced exactly.
  Regex(const std::string& pattern, std::string where);

  /// Calls found(Match) for each match from left to right; an empty match right behind another match is skipped.
  /// `text` is well-formed UTF-8. Throws Fault::checkpoint when the pattern needs too many steps.
  template <class Found>
  void each(std::string_view text, const Found& found) const {
    Walk walk;
    Match match;
    while (next(text, walk, match)) found(match);
  }

  /// A pattern that matches `text` literally.
  static std::string escape(std::string_view text);

 private:
  struct Walk {
    std::size_t at = 0;
    std::size_t last_end = static_cast<std::size_t>(-1);
  };
  bool next(std::string_view text, Walk& walk, Match& match) const;

  std::string where_;
  Pcre pattern_;
};

/// The pattern in PCRE2's syntax. Throws Fault::checkpoint for what PCRE2 cannot reproduce exactly (&&, negated
/// sets inside sets, properties other than categories and scripts).
std::string to_pcre2(const std::string& pattern, const std::string& where);

}  // namespace touchstone::tokenizers
