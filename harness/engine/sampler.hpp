#pragma once
#include <cstdint>
#include <random>
#include <span>

#include "harness/data/request.hpp"

namespace touchstone {

/// Draws tokens for one answer. Its draws depend only on the request's seed and the answer's number.
class Sampler {
 public:
  Sampler(const Generation& request, int sample);

  struct Choice {
    std::int32_t token = 0;
    double logp_nats = 0.0;  ///< under softmax(logits / temperature), of the whole vocabulary
  };

  /// The next token. Temperature 0 takes the arg max (of equal logits the lowest id). Otherwise it is drawn by
  /// probability from the smallest set of the top_k likeliest that reaches top_p (at least one). Throws Fault::numeric
  /// when a logit is not a number.
  Choice choose(std::span<const float> logits);
  /// True at temperature 0, where there is nothing to draw.
  bool greedy() const { return temperature_ <= 0.0; }

 private:
  double temperature_;
  double top_p_;
  int top_k_;
  std::mt19937_64 generator_;
};

}  // namespace touchstone
