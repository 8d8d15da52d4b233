#pragma once
#include "harness/model/objective.hpp"

namespace touchstone {

/// log softmax(logits)[m, labels[m]] as [M] float32. Throws Fault::shape when logits are not [M, V] or labels not [M].
Tensor label_logp(const Tensor& logits, const Tensor& labels);

/// sum_m weights[m] x[m], or sum_m x[m] when weights are undefined. Scalar float32.
Tensor weighted_sum(const Tensor& x, const Tensor& weights);

/// KL(p || q) = sum_v p_v (log p_v - log q_v) over the whole vocabulary, [M, V] log-probabilities to [M].
Tensor kl_divergence(const Tensor& p_logp, const Tensor& q_logp);

/// The tokens whose mark has a bit of `bits` set, [M] bool. Throws Fault::shape when there are no marks.
Tensor has_mark(const Tensor& marks, std::uint8_t bits);

/// Log-probabilities under the reference, [M] float32. Throws Fault::data when the batch has none.
Tensor reference_logp(const AnswerBatch& batch);

/// Sums of x [M] over the tokens of each answer, [A]: of log-probabilities, that of the whole answer.
Tensor answer_sums(const AnswerBatch& batch, const Tensor& x);

/// Sums of x times the token weights, [A].
Tensor weighted_answer_sums(const AnswerBatch& batch, const Tensor& x);

/// Sum of the token weights of each answer, [A]; the number of its tokens when they weigh one.
Tensor answer_weights(const AnswerBatch& batch);

/// A sum over positions without gradient, for the log.
double logged_sum(const Tensor& x);

}  // namespace touchstone
