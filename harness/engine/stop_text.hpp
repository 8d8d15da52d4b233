#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/engine/token_pairs.hpp"

namespace touchstone {

/// The text of new tokens behind others. Decoded alone, they would lose a leading space in tokenizers that mark spaces.
/// Special tokens are left out, or written as in the vocabulary.
class DecodeBehind {
 public:
  explicit DecodeBehind(const Tokenizer& tokenizer);
  std::string operator()(std::span<const std::int64_t> ids, bool skip_special_tokens) const;

 private:
  const Tokenizer* tokenizer_;
  std::vector<std::int64_t> letter_;  ///< tokens of a letter to decode behind
  std::string letter_text_;
};

/// Watches one answer for its stop strings. They are looked for in what the model wrote, special tokens included.
class StopText {
 public:
  /// `until`: empty texts are ignored, as in the reference.
  StopText(const Tokenizer& tokenizer, std::vector<std::string> until, bool keep_first_space = false);

  /// Whether the answer contains a stop string, looking only at the tokens where the last one can have completed it.
  bool reached(const TokenIds& tokens) const;

  /// An answer's text, and the number of its tokens that spell it.
  struct Shown {
    std::string text;           ///< special tokens left out, cut before the first of each stop string, in their order
    std::ptrdiff_t tokens = 0;  ///< -1: a stop string begins within a token
  };
  Shown shown(const TokenIds& tokens) const;

 private:
  std::string decode(const TokenIds& tokens, std::size_t first, std::size_t last, bool skip_special_tokens) const;

  const Tokenizer* tokenizer_;
  std::vector<std::string> until_;
  std::size_t longest_bytes_ = 0;
  std::optional<DecodeBehind> behind_{};  ///< where a first space is kept
};

}  // namespace touchstone
