#include "trainers/losses/preference.hpp"

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"
#include "trainers/rows/pieces.hpp"

namespace touchstone {

AnswerPairs answer_pairs(const AnswerBatch& batch, std::int64_t others) {
  std::vector<std::int64_t> better;
  std::vector<std::int64_t> worse;
  std::vector<double> share;
  for (std::size_t record = 0; record + 1 < batch.starts.size(); ++record) {
    const auto first = batch.starts[record];
    const auto there = batch.starts[record + 1] - first - 1;
    require(there > 0, Fault::data, "found a record with one answer, expected at least 2");
    const auto count = others > 0 ? std::min(others, there) : there;
    for (std::int64_t other = 1; other <= count; ++other) {
      better.push_back(first);
      worse.push_back(first + other);
      share.push_back(1.0 / static_cast<double>(count));
    }
  }
  const auto device = batch.logp.device();
  return {.better = at::tensor(better).to(device),
          .worse = at::tensor(worse).to(device),
          .share = at::tensor(share).to(batch.logp.options())};
}

Tensor log_ratios(const AnswerBatch& batch) {
  return weighted_answer_sums(batch, batch.logp) - weighted_answer_sums(batch, reference_logp(batch));
}

Tensor mean_logp(const AnswerBatch& batch) {
  // An answer whose tokens all weigh zero has no mean; its sum, zero, takes its place.
  return weighted_answer_sums(batch, batch.logp) / at::where(answer_weights(batch).gt(0.0), answer_weights(batch), 1.0);
}

Tensor dpo_sigmoid(const Tensor& h, double beta) { return at::softplus(-beta * h); }

LossSum sum_over_records(const AnswerBatch& batch, const AnswerPairs& pairs, const Tensor& loss, const Tensor& scores) {
  const auto margin = scores.detach().index_select(0, pairs.better) - scores.detach().index_select(0, pairs.worse);
  const auto nll = -mean_logp(batch).detach().index_select(0, pairs.better);
  LossSum sum;
  sum.sum = loss.dot(pairs.share);
  sum.count = static_cast<double>(batch.starts.size() - 1);
  sum.logged = {{"nll", logged_sum(nll * pairs.share)},
                {"margin", logged_sum(margin * pairs.share)},
                {"accuracy", logged_sum(margin.gt(0.0).to(margin.scalar_type()) * pairs.share)}};
  return sum;
}

}  // namespace touchstone
