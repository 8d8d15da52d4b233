#include "trainers/rows/pieces.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include "harness/base/error.hpp"
#include "harness/kernels/kernels.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Minus the log-probability of each label; the gradient is computed in the same pass over the logits.
struct LabelLoss : torch::autograd::Function<LabelLoss> {
  static Tensor forward(AutogradContext* context, const Tensor& logits, const Tensor& labels, bool differentiate) {
    auto loss = at::empty({logits.size(0)}, logits.options());
    const auto gradient = differentiate ? at::empty_like(logits) : Tensor();
    constexpr std::int64_t rows_a_call = 64;
    at::parallel_for(0, logits.size(0), rows_a_call, [&](std::int64_t begin, std::int64_t end) {
      kernels::CrossEntropy part;
      part.rows = end - begin;
      part.words = logits.size(1);
      part.logits = logits.const_data_ptr<float>() + begin * part.words;
      part.labels = labels.const_data_ptr<std::int64_t>() + begin;
      if (differentiate) part.d_logits = gradient.mutable_data_ptr<float>() + begin * part.words;
      part.loss = loss.mutable_data_ptr<float>() + begin;
      kernels::chosen().cross_entropy(part);
    });
    if (differentiate) context->save_for_backward({gradient});
    return loss;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto gradient = context->get_saved_variables()[0];
    return {gradient * gradients[0].unsqueeze(1), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor label_logp(const Tensor& logits, const Tensor& labels) {
  require(logits.dim() == 2 && labels.dim() == 1 && labels.size(0) == logits.size(0), Fault::shape, [&] {
    return "logits are " + c10::str(logits.sizes()) + " and labels " + c10::str(labels.sizes()) +
           ", expected [M, V] and [M]";
  });
  if (!logits.is_cpu() || logits.scalar_type() != at::kFloat) {
    return -at::cross_entropy_loss(logits, labels, /*weight=*/{}, at::Reduction::None);
  }
  if (labels.numel() > 0) {
    const auto [least, most] = at::aminmax(labels);
    const auto low = least.item<std::int64_t>();
    const auto high = most.item<std::int64_t>();
    require(low >= 0 && high < logits.size(1), Fault::shape, [&] {
      return "found the label " + std::to_string(low < 0 ? low : high) + ", expected 0 to " +
             std::to_string(logits.size(1) - 1);
    });
  }
  const bool differentiate = at::GradMode::is_enabled() && logits.requires_grad();
  return -LabelLoss::apply(logits.contiguous(), labels.contiguous(), differentiate);
}

Tensor weighted_sum(const Tensor& x, const Tensor& weights) { return weights.defined() ? x.dot(weights) : x.sum(); }

Tensor kl_divergence(const Tensor& p_logp, const Tensor& q_logp) { return (p_logp.exp() * (p_logp - q_logp)).sum(-1); }

Tensor has_mark(const Tensor& marks, std::uint8_t bits) {
  require(marks.defined(), Fault::shape, "the batch has no marks, which this loss reads");
  return marks.bitwise_and(bits).ne(0);
}

Tensor reference_logp(const AnswerBatch& batch) {
  require(batch.ref_logp.defined(), Fault::data,
          "found rows without reference log-probabilities: let the stage 'reference' compute them before training");
  return batch.ref_logp;
}

Tensor answer_sums(const AnswerBatch& batch, const Tensor& x) {
  // In double: in float the sum of a long answer loses the digits in which it differs from the reference's.
  const auto sums = at::zeros({batch.starts.back()}, x.options().dtype(at::kDouble));
  return sums.index_add(0, batch.answer_of, x.to(at::kDouble)).to(x.scalar_type());
}

Tensor weighted_answer_sums(const AnswerBatch& batch, const Tensor& x) {
  return answer_sums(batch, batch.weights.defined() ? x * batch.weights : x);
}

Tensor answer_weights(const AnswerBatch& batch) {
  return weighted_answer_sums(batch, at::ones_like(batch.logp.detach()));
}

double logged_sum(const Tensor& x) { return x.detach().sum(at::kDouble).item<double>(); }

}  // namespace touchstone
