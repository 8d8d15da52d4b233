#pragma once
#include "harness/model/objective.hpp"

namespace touchstone {

/// log softmax(logits)[m, labels[m]] as [M] float32. Throws Fault::shape when logits are not [M, V] or labels not [M].
Tensor label_logp(const Tensor& logits, const Tensor& labels);

/// sum_m weights[m] x[m], or sum_m x[m] when weights are undefined. Scalar float32.
Tensor weighted_sum(const Tensor& x, const Tensor& weights);

/// KL(p || q) = sum_v p_v (log p_v - log q_v) over the whole vocabulary, [M, V] log-probabilities to [M].
Tensor kl_divergence(const Tensor& p_logp, const Tensor& q_logp);

/// A sum over positions without gradient, for the log.
double logged_sum(const Tensor& x);

}  // namespace touchstone
