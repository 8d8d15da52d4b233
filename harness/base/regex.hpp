#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/pcre.hpp"

namespace touchstone {

/// A regular expression with the meaning that Python's `re` gives it: leftmost match, alternatives in order, greedy
/// with backtracking, look-behind, Unicode classes, `.` without the line feed, `$` also before a final line feed.
/// (PCRE2.) Safe to use from several threads at once.
class Regex {
 public:
  struct Match {
    std::size_t first = 0;  ///< byte offsets of the whole match in the text
    std::size_t last = 0;
    std::vector<std::optional<std::string>> groups;  ///< group 1 and up; none where a group took no part
  };

  /// Throws Fault::config with the pattern, what is wrong, and where.
  explicit Regex(const std::string& pattern);

  /// Whether it matches anywhere. All searches throw Fault::data when the text makes the pattern take too many steps.
  bool search(std::string_view text) const;
  /// The first match at or after `from`.
  std::optional<Match> find(std::string_view text, std::size_t from = 0) const;
  /// All matches that do not overlap, in order, as re.finditer gives them (empty ones included).
  std::vector<Match> find_all(std::string_view text) const;
  /// re.sub(pattern, "", text).
  std::string remove_all(std::string_view text) const;

 private:
  std::optional<Match> match(std::string_view text, const Pcre::Search& search) const;
  Pcre pattern_;
};

/// `text` with every character that means something in a pattern escaped, as re.escape does.
std::string regex_escape(std::string_view text);

}  // namespace touchstone
