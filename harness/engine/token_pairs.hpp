#pragma once
// From texts to tokens, exactly as in lm-evaluation-harness: where a pair is split, which special tokens are added,
// which tokens are dropped when the model's context is too short.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/data/request.hpp"
#include "harness/model/tokenizer.hpp"

namespace touchstone {

/// 32 bits: a benchmark has tens of millions of tokens in memory at once.
using TokenIds = std::vector<std::int32_t>;

/// How texts become tokens for one model.
struct EncodingRules {
  const Tokenizer* tokenizer = nullptr;
  std::optional<bool> add_bos_token;   ///< none: as the tokenizer does
  std::optional<std::int64_t> prefix;  ///< the token before a text without context: BOS, else EOS
  std::string prefix_text;             ///< a text that begins with it gets no special tokens
  int max_length = 0;                  ///< tokens that the model takes, at most, M
};

/// One forward pass whose last rows are read: the row of input[rows - targets + i] predicts targets[i].
struct ScoredTokens {
  TokenIds input;
  TokenIds targets;
  int prompt_tokens = 0;     ///< of the context, before anything was dropped
  int truncated_tokens = 0;  ///< dropped on the left
  bool empty_continuation = false;
};

/// The rules for a tokenizer. Throws Fault::checkpoint when one is needed and it has neither BOS nor EOS.
EncodingRules make_rules(const Tokenizer& tokenizer, std::optional<bool> add_bos_token, int max_length);

/// Tokens of a context with the tokenizer's own special tokens.
TokenIds encode_context(const EncodingRules& rules, const std::string& text);

/// Encodes likelihood requests; remembers the last context, since the choices of one question share it.
class PairEncoder {
 public:
  explicit PairEncoder(const EncodingRules& rules) : rules_(&rules) {}
  /// Throws Fault::data when the continuation alone is longer than the model.
  ScoredTokens encode(const Likelihood& request);

 private:
  const EncodingRules* rules_;
  std::string context_;
  TokenIds context_tokens_;
};

/// The windows of a whole text. Each token is predicted once; the last window has as much context as fits.
std::vector<ScoredTokens> encode_rolling(const EncodingRules& rules, const std::string& text);

/// The prompt of a generation request, and how many tokens it may add.
struct Prompt {
  TokenIds tokens;
  int prompt_tokens = 0;            ///< of the longest of the contexts
  int truncated_tokens = 0;         ///< most that one of the contexts lost
  int max_new_tokens = 0;           ///< the fewest for which one of the contexts has room
  std::vector<TokenIds> further{};  ///< of Generation::further_contexts, one each
};

/// Keeps the last M - max_new_tokens tokens of each context. Where that leaves no room for a prompt (the reference
/// refuses), prompt and answer get half of the model's length each.
Prompt encode_prompt(const EncodingRules& rules, const Generation& request);

}  // namespace touchstone
