#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "harness/data/example.hpp"

namespace touchstone {

/// "How likely is this continuation?" Answered by one forward pass. The pair is tokenised as
/// lm-evaluation-harness does: white space at the end of the context moves to the continuation, the two are encoded
/// together, and the continuation is the tokens after as many tokens as the context has.
struct Likelihood {
  std::string context;
  std::string continuation;
  std::vector<Media> media{};
};

/// Log-likelihood of a whole text, in windows of the model's length.
struct Rolling {
  std::string text;
};

/// "Go on from here." Answered by decoding.
struct Generation {
  std::string context;
  std::vector<Media> media{};
  int max_new_tokens = 256;
  double temperature = 0.0;  ///< 0 is greedy
  double top_p = 1.0;
  int top_k = 0;                     ///< 0: no limit
  std::vector<std::string> until{};  ///< the text is cut before the first of each; the model's end-of-text always stops
  int samples = 1;                   ///< answers wanted; they come as `texts` of one Response
  /// Keep white space that appears only when the text is decoded after the context. false: the new tokens are decoded
  /// alone, which loses a first space in some tokenizers, as in the reference.
  bool keep_first_space = false;
  std::uint64_t seed = 0;  ///< all sampling draws depend on this alone, never on the rest of the batch
  /// Other prompts of the same question, texts alone. Each is followed by the same drawn tokens as `context`, for a
  /// procedure that decides on a token by all of them; a model without such a procedure refuses them.
  std::vector<std::string> further_contexts{};
};

using Request = std::variant<Likelihood, Rolling, Generation>;

/// One decoded answer.
struct Generated {
  std::string text;               ///< cut at the stop strings, special tokens left out
  std::vector<double> logp_nats;  ///< of each generated token kept, at the sampling temperature
  bool finished = false;          ///< false: stopped by max_new_tokens
  /// Ids of all tokens drawn: one for each of logp_nats, then the end token if that token stopped the answer.
  std::vector<std::int32_t> tokens{};
  int text_tokens = 0;  ///< this many of the first `tokens` spell `text`; -1: a stop text begins within a token
  bool ended = false;   ///< the last of `tokens` is an end token
};

/// What comes back for one Request.
struct Response {
  // Likelihood and Rolling
  double logp_nats = 0.0;  ///< sum over the tokens of the continuation
  int tokens = 0;          ///< how many tokens that sum has
  bool greedy = false;     ///< every one of them was the arg max of its row
  // Generation
  std::vector<Generated> generated;  ///< `samples` of them
  // Facts that the store keeps with the sample. Of a request with several contexts: the most that one of them has.
  int prompt_tokens = 0;
  int truncated_tokens = 0;  ///< tokens of the context that were dropped on the left because the model is too short
  bool empty_continuation = false;  ///< the seam left no token, so the continuation was encoded alone
  // The cost of this request alone, whatever else is in the batch: each different prompt once, then each answer behind
  // it.
  std::int64_t forward_tokens = 0;  ///< tokens run through a model; those of a procedure's second model count again
  std::int64_t cache_bytes = 0;     ///< keys and values of these tokens
};

}  // namespace touchstone
