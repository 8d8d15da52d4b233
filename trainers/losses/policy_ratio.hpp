#pragma once
#include <string>

#include "harness/model/objective.hpp"

namespace touchstone {

/// A note of a batch, [M]. Throws Fault::data when the answers were given, not written by the model (see
/// RolloutLoss::credit).
Tensor note_of(const AnswerBatch& batch, const std::string& name);

/// log p - log p_old of each token, clamped to [-20, 20], without gradient beyond: a ratio that overflows would make
/// the loss infinite where it is not clipped, and its gradient undefined where it is.
Tensor log_ratio_to_old(const AnswerBatch& batch);

/// -min(rho A, clip(rho, 1 - low, 1 + high) A), any shape. Source: "Proximal Policy Optimization Algorithms", arXiv
/// 1707.06347, equation 7.
Tensor clipped_loss(const Tensor& ratio, const Tensor& advantage, double low, double high);

/// Token weights, [M]; ones when all weigh one.
Tensor token_weights(const AnswerBatch& batch);

/// A value [A] spread over each answer's tokens, [M].
Tensor over_tokens(const AnswerBatch& batch, const std::vector<double>& of_answers);

/// Mean of x [M] over the tokens with weight, times the number of records: the log divides by records.
double logged_mean(const AnswerBatch& batch, const Tensor& x);

}  // namespace touchstone
