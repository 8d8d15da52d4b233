#pragma once
// What a model says of each token of a text, for measures that need more than the likelihood of the whole.
#include <cstdint>
#include <variant>
#include <vector>

#include "harness/data/request.hpp"

namespace touchstone {

/// An answer that a model wrote: the tokens as they were drawn, behind the prompt of the request.
struct Written {
  Generation request;
  std::vector<std::int32_t> tokens;
};

/// A text whose tokens are read: a continuation behind its context, a whole text, or an answer that was written.
using TokenText = std::variant<Likelihood, Rolling, Written>;

/// One token, with the distribution from which it comes: the softmax of the logits before it, over the whole
/// vocabulary, at temperature 1. All in nats. Without a reference model the last three are 0.
struct TokenReading {
  double logp = 0.0;            ///< of the token
  double entropy = 0.0;         ///< -sum_v p_v log p_v
  double reference_logp = 0.0;  ///< of the token, under the reference
  double kl_forward = 0.0;      ///< KL(reference || model) = sum_v q_v (log q_v - log p_v)
  double kl_reverse = 0.0;      ///< KL(model || reference) = sum_v p_v (log p_v - log q_v)
};

}  // namespace touchstone
