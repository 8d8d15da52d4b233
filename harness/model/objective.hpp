#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "harness/model/tensor.hpp"

namespace touchstone {

/// What a token objective sees: trained positions only, already shifted. logits[m] predicts labels[m]. The trainer may
/// hand over any subset of the positions of a step, so a loss must be a sum over positions; it divides once, by the
/// whole step's count.
struct TokenBatch {
  Tensor logits;      ///< [M, V] float32, carries gradient
  Tensor labels;      ///< [M] int64 in [0, V)
  Tensor weights;     ///< [M] float32: token weights; undefined: all one
  Tensor ref_logits;  ///< [M, V] float32, no gradient; undefined when the recipe has no reference model
};

/// A loss before normalisation. The trainer divides sum by count once an optimizer step.
struct LossSum {
  Tensor sum;                            ///< scalar float32, carries gradient
  double count = 0.0;                    ///< positions that count; fewer than M when the objective leaves some out
  std::map<std::string, double> logged;  ///< unweighted sums over positions, divided by M for the log: "nll", "kl"
};

struct TokenObjective {
  std::function<LossSum(const TokenBatch&)> loss;
  bool needs_reference = false;
  std::string reference;  ///< the frozen model's name in the session
};

}  // namespace touchstone
