#pragma once
#include <memory>
#include <string>

#include "backends/tokenizers/model.hpp"

namespace touchstone::tokenizers {

struct WordPieceSettings {
  std::string unknown;           ///< replaces a word that has no segmentation
  std::string prefix;            ///< before every piece of a word but the first
  std::size_t longest_word = 0;  ///< code points; a longer word is unknown
};

/// Takes the longest piece that fits, from the front on (Wu et al., arXiv:1609.08144, section 4.1, as in BERT).
std::unique_ptr<Model> make_word_piece(Vocabulary vocabulary, WordPieceSettings settings);

/// A word is a token or unknown.
std::unique_ptr<Model> make_word_level(Vocabulary vocabulary, std::string unknown);

}  // namespace touchstone::tokenizers
