#pragma once
#include <string>
#include <vector>

#include "harness/engine/token_pairs.hpp"

namespace touchstone {

/// Watches one answer for its stop strings.
class StopText {
 public:
  /// `until`: empty texts are ignored, as in the reference.
  StopText(const Tokenizer& tokenizer, std::vector<std::string> until);

  /// Whether the answer so far contains a stop string, looking at the tokens that the last one can have completed.
  bool reached(const TokenIds& tokens) const;

  /// The answer's text: special tokens left out, cut before the first of each stop string, in their order.
  std::string text(const TokenIds& tokens) const;

 private:
  std::string decode(const TokenIds& tokens, std::size_t first) const;

  const Tokenizer* tokenizer_;
  std::vector<std::string> until_;
  std::size_t longest_bytes_ = 0;
};

}  // namespace touchstone
