#include "trainers/losses/policy_ratio.hpp"

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {

Tensor note_of(const AnswerBatch& batch, const std::string& name) {
  const auto found = batch.notes.find(name);
  require(found != batch.notes.end(), Fault::data, [&] {
    return "found answers without '" + name + "', expected those that the stage 'reinforce' lets the model write";
  });
  return found->second;
}

Tensor log_ratio_to_old(const AnswerBatch& batch) {
  return (batch.logp - note_of(batch, "old_logp")).clamp(-20.0, 20.0);
}

Tensor clipped_loss(const Tensor& ratio, const Tensor& advantage, double low, double high) {
  return -at::minimum(ratio * advantage, ratio.clamp(1.0 - low, 1.0 + high) * advantage);
}

Tensor token_weights(const AnswerBatch& batch) {
  return batch.weights.defined() ? batch.weights : at::ones_like(batch.logp.detach());
}

Tensor over_tokens(const AnswerBatch& batch, const std::vector<double>& of_answers) {
  const auto all = at::tensor(of_answers, at::kDouble).to(batch.logp.options());
  return all.index_select(0, batch.answer_of);
}

double logged_mean(const AnswerBatch& batch, const Tensor& x) {
  const auto weights = token_weights(batch);
  const auto tokens = logged_sum(weights);
  return tokens > 0.0 ? logged_sum(x * weights) / tokens * static_cast<double>(batch.starts.size() - 1) : 0.0;
}

}  // namespace touchstone
