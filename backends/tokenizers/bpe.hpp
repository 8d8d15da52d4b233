#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backends/tokenizers/model.hpp"

namespace touchstone::tokenizers {

/// The settings of a byte-pair model, besides its vocabulary.
struct BpeSettings {
  std::string unknown;            ///< unk_token; empty: unknown characters vanish
  std::string continuing_prefix;  ///< before each symbol of a word but the first
  std::string word_suffix;        ///< behind the last symbol of a word
  bool fuse_unknown = false;      ///< neighbouring unknown characters become one token
  bool byte_fallback = false;     ///< an unknown character becomes the tokens <0xNN> of its bytes, if all exist
  bool ignore_merges = false;     ///< a word that is a token is that token
  /// The words are plain bytes, while the vocabulary writes bytes in GPT-2's alphabet.
  bool bytes = false;
};

/// Two tokens that become one. Of two merges the one with the smaller rank goes first; of equal ranks the leftmost.
struct Merge {
  std::string left;
  std::string right;
  std::uint32_t rank = 0;
};

/// Byte-pair encoding (Sennrich et al., arXiv:1508.07909, section 3.2), as Hugging Face's tokenizers run it.
/// Throws Fault::checkpoint naming `where` for a merge or an unknown token that is not in the vocabulary.
std::unique_ptr<Model> make_bpe(Vocabulary vocabulary, const std::vector<Merge>& merges, BpeSettings settings,
                                const std::string& where);

}  // namespace touchstone::tokenizers
