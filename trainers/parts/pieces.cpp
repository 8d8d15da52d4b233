#include "trainers/parts/pieces.hpp"

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {

Tensor label_logp(const Tensor& logits, const Tensor& labels) {
  require(logits.dim() == 2 && labels.dim() == 1 && labels.size(0) == logits.size(0), Fault::shape, [&] {
    return "logits are " + c10::str(logits.sizes()) + " and labels " + c10::str(labels.sizes()) +
           ", expected [M, V] and [M]";
  });
  return -at::cross_entropy_loss(logits, labels, /*weight=*/{}, at::Reduction::None);
}

Tensor weighted_sum(const Tensor& x, const Tensor& weights) { return weights.defined() ? x.dot(weights) : x.sum(); }

Tensor kl_divergence(const Tensor& p_logp, const Tensor& q_logp) { return (p_logp.exp() * (p_logp - q_logp)).sum(-1); }

double logged_sum(const Tensor& x) { return x.detach().sum(at::kDouble).item<double>(); }

}  // namespace touchstone
