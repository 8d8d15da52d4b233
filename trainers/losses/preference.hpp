#pragma once
#include <map>
#include <string>

#include "harness/model/objective.hpp"

namespace touchstone {

/// Pairs of each record's first answer with each of its others.
struct AnswerPairs {
  Tensor better;  ///< [P] int64: the first answer of the pair's record
  Tensor worse;   ///< [P] int64: one of the others
  Tensor share;   ///< [P]: one over the pairs of the record, so that every record weighs the same
};
/// Pairs with at most `others` further answers per record (0: all). Throws Fault::data for a record with one answer.
AnswerPairs answer_pairs(const AnswerBatch& batch, std::int64_t others = 0);

/// log p(answer) - log ref(answer), sums over tokens, [A]. Throws Fault::data when the batch has no reference.
Tensor log_ratios(const AnswerBatch& batch);

/// Mean log-probability per token of each answer, [A].
Tensor mean_logp(const AnswerBatch& batch);

/// -log sigma(beta h), [P]. Source: "Direct Preference Optimization", arXiv 2305.18290, equation 7.
Tensor dpo_sigmoid(const Tensor& h, double beta);

/// The mean over records of the pairs' losses [P], as a sum and a count, with what every preference loss logs: "nll"
/// per token of the better answer, "margin" and "accuracy" of `scores` [A], the implicit rewards.
LossSum sum_over_records(const AnswerBatch& batch, const AnswerPairs& pairs, const Tensor& loss, const Tensor& scores);

}  // namespace touchstone
