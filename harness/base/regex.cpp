#include "harness/base/regex.hpp"

namespace touchstone {

Regex::Regex(const std::string& pattern) : pattern_(pattern, {.fault = Fault::config}) {}

std::optional<Regex::Match> Regex::match(std::string_view text, const Pcre::Search& search) const {
  const auto places = pattern_.match(text, search, Fault::data);
  if (places.empty()) return std::nullopt;
  Match result{.first = places[0], .last = places[1], .groups = {}};
  result.groups.resize(places.size() / 2 - 1);
  for (std::size_t group = 1; group <= result.groups.size(); ++group) {
    const auto first = places[2 * group];
    if (first != Pcre::none) {
      result.groups[group - 1] = std::string(text.substr(first, places[2 * group + 1] - first));
    }
  }
  return result;
}

bool Regex::search(std::string_view text) const { return !pattern_.match(text, {}, Fault::data).empty(); }

std::optional<Regex::Match> Regex::find(std::string_view text, std::size_t from) const {
  return match(text, {.from = from});
}

std::vector<Regex::Match> Regex::find_all(std::string_view text) const {
  std::vector<Match> matches;
  Pcre::Search search;
  while (search.from <= text.size()) {
    auto found = match(text, search);
    if (!found) break;
    // After an empty match the next one may start at the same place but must not be empty again.
    search = {.from = found->last, .empty_there = found->first != found->last};
    matches.push_back(std::move(*found));
  }
  return matches;
}

std::string Regex::remove_all(std::string_view text) const {
  std::string kept;
  std::size_t from = 0;
  for (const auto& match : find_all(text)) {
    kept += text.substr(from, match.first - from);
    from = match.last;
  }
  kept += text.substr(from);
  return kept;
}

std::string regex_escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (std::string_view("()[]{}?*+-|^$\\.&~# \t\n\r\v\f").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace touchstone
