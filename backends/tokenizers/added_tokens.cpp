#include "backends/tokenizers/added_tokens.hpp"

#include <algorithm>

#include "backends/tokenizers/unicode.hpp"

namespace touchstone::tokenizers {
namespace {

bool ends_with_word(std::string_view text) {
  return !text.empty() && is_word(known_code_point_at(text, previous_start(text, text.size())).value);
}

bool starts_with_word(std::string_view text) { return !text.empty() && is_word(known_code_point_at(text, 0).value); }

/// Where the white space at the end of `text` begins.
std::size_t trailing_space(std::string_view text) {
  std::size_t at = text.size();
  while (at > 0) {
    const auto before = previous_start(text, at);
    if (!is_white_space(known_code_point_at(text, before).value)) break;
    at = before;
  }
  return at;
}

/// Bytes of white space at the front of `text`.
std::size_t leading_space(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto point = known_code_point_at(text, at);
    if (!is_white_space(point.value)) break;
    at += point.bytes;
  }
  return at;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  for (std::size_t i = 0; i < tokens_.size(); ++i) tree_.add(tokens_[i].form, static_cast<std::int32_t>(i));
  tree_.freeze();
}

bool AddedTokens::next(std::string_view text, bool specials, std::size_t done, std::size_t& at, Found& found) const {
  if (tree_.empty()) return false;
  while (at < text.size()) {
    std::size_t last = at;
    std::int32_t which = -1;
    tree_.each_prefix(text.substr(at), [&](std::size_t bytes, std::int32_t value) {
      last = at + bytes;
      which = value;
    });
    if (which < 0) {
      ++at;
      continue;
    }
    const auto first = at;
    at = last;  // matches that are rejected below are not tried again, either
    const auto& token = tokens_[static_cast<std::size_t>(which)];
    if (token.special && !specials) continue;
    if (token.single_word && (ends_with_word(text.substr(0, first)) || starts_with_word(text.substr(last)))) continue;
    found = {first, last, &token};
    // White space that an earlier token took stays with it. A token that lies in such white space is found anyway, and
    // the text behind it is ordinary again: this is what the tokenizers library does.
    if (token.lstrip) found.first = std::max(trailing_space(text.substr(0, first)), done);
    if (token.rstrip) found.last = last + leading_space(text.substr(last));
    found.last = std::max(found.last, found.first);
    return true;
  }
  return false;
}

}  // namespace touchstone::tokenizers
