#pragma once
// The worked batch of the objectives' tests, and what every objective is held against.
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <array>

#include "harness/base/json.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/book.hpp"

namespace touchstone::testing {

inline const TrainerBook& objective_book() {
  static const TrainerBook filled = [] {
    TrainerBook made;
    add_trainers(made);
    return made;
  }();
  return filled;
}

inline Objective any_objective(const std::string& config) {
  return make_use(Options(parse_json(config, "test"), "test"), objective_book().objectives, objective_book());
}

/// An objective of the kind that it is expected to be.
template <class Kind>
Kind objective(const std::string& config) {
  return std::get<Kind>(any_objective(config));
}

/// Three positions over three words; the labels' probabilities are 0.665241, 0.383652 and 0.665241.
inline TokenBatch worked_batch(at::ScalarType type = at::kFloat) {
  TokenBatch batch;
  batch.logits = at::tensor({2.0, 1.0, 0.0, 0.5, 0.5, 0.0, 0.0, -1.0, 1.0}, type).view({3, 3}).requires_grad_(true);
  batch.labels = at::tensor({0, 1, 2}, at::kLong);
  return batch;
}

/// `positions` rows of random logits over `words`, and random labels.
inline TokenBatch random_batch(std::int64_t positions, std::int64_t words, at::ScalarType type = at::kFloat,
                               std::uint64_t seed = 3) {
  auto generator = at::detail::createCPUGenerator(seed);
  TokenBatch batch;
  batch.logits = at::empty({positions, words}, at::kDouble).normal_(0.0, 1.5, generator).to(type).requires_grad_(true);
  batch.labels = at::empty({positions}, at::kLong).random_(0, words, generator);
  batch.keys = at::arange(positions, at::kLong);
  return batch;
}

inline double mean(const LossSum& loss) { return loss.sum.item<double>() / loss.count; }

/// Of the undivided sum, with respect to the logits.
inline Tensor gradient(const TokenLoss& objective, const TokenBatch& batch) {
  batch.logits.mutable_grad().reset();
  objective.loss(batch).sum.backward();
  auto found = batch.logits.grad().clone();
  batch.logits.mutable_grad().reset();
  return found;
}

inline void expect_row(const Tensor& row, const std::vector<double>& wanted, double tolerance = 1e-5) {
  ASSERT_EQ(row.size(0), static_cast<std::int64_t>(wanted.size()));
  for (std::size_t at = 0; at < wanted.size(); ++at) {
    EXPECT_NEAR(row[static_cast<std::int64_t>(at)].item<double>(), wanted[at], tolerance) << at;
  }
}

/// d sum(x) / dx by central differences of `loss` in float64, x [...].
inline Tensor finite_differences(const Tensor& x, const std::function<double(const Tensor&)>& loss) {
  constexpr double step = 1e-6;
  const auto base = x.detach().to(at::kDouble).contiguous();
  auto found = at::zeros_like(base);
  for (std::int64_t at = 0; at < base.numel(); ++at) {
    auto moved = base.clone();
    moved.view({-1})[at] += step;
    const auto above = loss(moved);
    moved.view({-1})[at] -= 2 * step;
    found.view({-1})[at] = (above - loss(moved)) / (2 * step);
  }
  return found;
}

/// The gradient in float64 against finite differences: for losses that hold nothing still.
inline void expect_finite_differences(const TokenLoss& objective, const TokenBatch& batch) {
  const auto wanted = finite_differences(batch.logits, [&](const Tensor& logits) {
    auto moved = batch;
    moved.logits = logits;
    return objective.loss(moved).sum.item<double>();
  });
  EXPECT_LT((gradient(objective, batch) - wanted).abs().max().item<double>(), 1e-7);
}

/// Logits that were rounded to bfloat16 change loss and gradient by less than 2e-2 of their size.
inline void expect_bfloat16(const TokenLoss& objective, const TokenBatch& batch) {
  auto rounded = batch;
  rounded.logits = batch.logits.detach().to(at::kBFloat16).to(at::kFloat).requires_grad_(true);
  const auto wanted = objective.loss(batch).sum.item<double>();
  EXPECT_NEAR(objective.loss(rounded).sum.item<double>(), wanted, 2e-2 * std::abs(wanted));
  const auto exact = gradient(objective, batch);
  EXPECT_LT((gradient(objective, rounded) - exact).abs().max().item<double>(), 2e-2 * exact.abs().max().item<double>());
}

/// A position of weight zero has no gradient, and the others have the one they have without it.
inline void expect_masked(const TokenLoss& objective, const TokenBatch& batch) {
  auto masked = batch;
  const auto count = batch.labels.size(0);
  masked.weights = at::arange(count, at::kLong).remainder(2).to(batch.logits.scalar_type());
  const auto found = gradient(objective, masked);
  const auto whole = gradient(objective, batch);
  for (std::int64_t at = 0; at < count; ++at) {
    const auto wanted = at % 2 == 0 ? at::zeros_like(whole[at]) : whole[at];
    EXPECT_TRUE(found[at].equal(wanted)) << at;
  }
}

/// Answers as their tokens' log-probabilities, `starts` as in AnswerBatch; float64, so that worked numbers hold.
inline AnswerBatch answer_batch(const std::vector<std::vector<double>>& answers, std::vector<std::int64_t> starts) {
  std::vector<double> logp;
  std::vector<std::int64_t> answer_of;
  for (std::size_t answer = 0; answer < answers.size(); ++answer) {
    logp.insert(logp.end(), answers[answer].begin(), answers[answer].end());
    answer_of.insert(answer_of.end(), answers[answer].size(), static_cast<std::int64_t>(answer));
  }
  AnswerBatch batch;
  batch.logp = at::tensor(logp).requires_grad_(true);
  batch.answer_of = at::tensor(answer_of);
  batch.starts = std::move(starts);
  for (std::size_t record = 0; record + 1 < batch.starts.size(); ++record) {
    batch.numbers.push_back(static_cast<std::int64_t>(record));
  }
  batch.rewards.assign(answers.size(), 0.0);
  return batch;
}

/// Records of two answers of one to seven tokens with random log-probabilities, policy and reference.
inline AnswerBatch random_answers(std::int64_t records, std::int64_t answers_each = 2, std::uint64_t seed = 5) {
  auto generator = at::detail::createCPUGenerator(seed);
  std::vector<std::vector<double>> answers;
  std::vector<std::int64_t> starts = {0};
  for (std::int64_t record = 0; record < records; ++record) {
    for (std::int64_t answer = 0; answer < answers_each; ++answer) {
      const auto tokens = at::empty({1 + (record * 3 + answer * 2) % 7}, at::kDouble).uniform_(-3.0, -0.1, generator);
      answers.emplace_back(tokens.const_data_ptr<double>(), tokens.const_data_ptr<double>() + tokens.size(0));
    }
    starts.push_back(static_cast<std::int64_t>(answers.size()));
  }
  auto batch = answer_batch(answers, starts);
  batch.ref_logp = batch.logp.detach() + at::empty_like(batch.logp.detach()).normal_(0.0, 0.3, generator);
  return batch;
}

inline void forget(const AnswerLoss& objective) {
  if (objective.state) objective.state->clear();
}
inline void forget(const RolloutLoss&) {}

inline double sum_of(const LossSum& loss) { return loss.sum.item<double>(); }

/// Of the undivided sum, with respect to the log-probabilities.
template <class Kind>
Tensor gradient(const Kind& objective, const AnswerBatch& batch) {
  batch.logp.mutable_grad().reset();
  forget(objective);
  objective.loss(batch).sum.backward();
  auto found = batch.logp.grad().clone();
  batch.logp.mutable_grad().reset();
  return found;
}

template <class Kind>
void expect_finite_differences(const Kind& objective, const AnswerBatch& batch) {
  const Tensor wanted = finite_differences(batch.logp, [&](const Tensor& logp) {
    auto moved = batch;
    moved.logp = logp;
    return sum_of(objective.loss(moved));
  });
  const Tensor slope = gradient(objective, batch);
  EXPECT_LT((slope - wanted).abs().max().item<double>(), 1e-7);
}

/// Log-probabilities that were rounded to bfloat16 change loss and gradient by less than 2e-2 of their size.
template <class Kind>
void expect_bfloat16(const Kind& objective, const AnswerBatch& batch) {
  auto rounded = batch;
  rounded.logp = batch.logp.detach().to(at::kBFloat16).to(at::kDouble).requires_grad_(true);
  rounded.ref_logp = batch.ref_logp.to(at::kBFloat16).to(at::kDouble);
  const double wanted = sum_of(objective.loss(batch));
  EXPECT_NEAR(sum_of(objective.loss(rounded)), wanted, 2e-2 * std::abs(wanted));
  const Tensor exact = gradient(objective, batch);
  const Tensor found = gradient(objective, rounded);
  EXPECT_LT((found - exact).abs().max().item<double>(), 2e-2 * exact.abs().max().item<double>());
}

/// The records [first, last) of a batch as one of their own.
inline AnswerBatch part_of(const AnswerBatch& whole, std::size_t first, std::size_t last) {
  AnswerBatch part;
  const auto from = whole.starts[first];
  const auto to = whole.starts[last];
  const auto at = whole.answer_of.ge(from).logical_and(whole.answer_of.lt(to)).nonzero().squeeze(-1);
  const auto pick = [&](const Tensor& all) { return all.defined() ? all.index_select(0, at) : all; };
  part.logp = pick(whole.logp.detach()).requires_grad_(true);
  part.ref_logp = pick(whole.ref_logp);
  part.weights = pick(whole.weights);
  part.marks = pick(whole.marks);
  part.answer_of = pick(whole.answer_of) - from;
  for (auto record = first; record <= last; ++record) part.starts.push_back(whole.starts[record] - from);
  for (auto record = first; record < last; ++record) part.numbers.push_back(whole.numbers[record]);
  part.rewards.assign(whole.rewards.begin() + from, whole.rewards.begin() + to);
  return part;
}

/// Sum, count and gradient do not depend on how the records are split over micro-batches.
template <class Kind>
void expect_split_invariant(const Kind& objective, const AnswerBatch& whole) {
  forget(objective);
  const LossSum wanted = objective.loss(whole);
  const Tensor slope = gradient(objective, whole);
  forget(objective);
  double sum = 0.0;
  double count = 0.0;
  std::vector<Tensor> slopes;
  const auto records = whole.numbers.size();
  for (std::size_t first = 0; first < records;) {
    const auto last = std::min(records, first + 1 + first % 3);
    auto part = part_of(whole, first, last);
    const LossSum loss = objective.loss(part);
    sum += loss.sum.item<double>();
    count += loss.count;
    loss.sum.backward();
    slopes.push_back(part.logp.grad());
    first = last;
  }
  EXPECT_NEAR(sum, wanted.sum.item<double>(), 1e-9);
  EXPECT_EQ(count, wanted.count);
  EXPECT_LT((at::cat(slopes) - slope).abs().max().item<double>(), 1e-9);
}

}  // namespace touchstone::testing
