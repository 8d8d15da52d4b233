#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backends/tokenizers/prefix_tree.hpp"

namespace touchstone::tokenizers {

/// A token that is searched for in the text before anything else.
struct AddedToken {
  std::int64_t id = 0;
  std::string content;
  std::string form;          ///< the text to find: the content, normalised when `normalized` is set
  bool single_word = false;  ///< only where no word character touches it
  bool lstrip = false;       ///< includes the white space on its left
  bool rstrip = false;       ///< includes the white space on its right
  bool normalized = false;   ///< is searched for in the normalised text
  bool special = false;      ///< a control token
};

/// Finds added tokens in a text: the leftmost first, and the longest of those that start at the same place.
class AddedTokens {
 public:
  /// Tokens with an empty form are never found.
  explicit AddedTokens(std::vector<AddedToken> tokens);

  struct Found {
    std::size_t first = 0;  ///< bytes, with the included white space
    std::size_t last = 0;
    const AddedToken* token = nullptr;  ///< null: ordinary text
  };
  /// Calls part(Found) for ranges that together make the text, in order; they overlap where a token of white space lies
  /// in white space that the token before it included. With `specials` false, control tokens are
  /// ordinary text.
  template <class Part>
  void split(std::string_view text, bool specials, const Part& part) const {
    std::size_t done = 0;
    Found found;
    for (std::size_t at = 0; next(text, specials, done, at, found);) {
      if (done < found.first) part(Found{done, found.first, nullptr});
      part(found);
      done = found.last;
    }
    if (done < text.size()) part(Found{done, text.size(), nullptr});
  }

 private:
  /// The next token from byte `at` on; moves `at` behind it. `done`: the bytes before it belong to earlier tokens.
  bool next(std::string_view text, bool specials, std::size_t done, std::size_t& at, Found& found) const;
  std::vector<AddedToken> tokens_;
  PrefixTree tree_;  ///< forms to places in tokens_
};

}  // namespace touchstone::tokenizers
