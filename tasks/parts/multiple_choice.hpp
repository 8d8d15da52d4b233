#pragma once
#include <span>
#include <string>
#include <vector>

#include "harness/data/task.hpp"

namespace touchstone {

/// Which metrics a multiple-choice task reports besides acc.
struct ChoiceMetrics {
  bool norm = false;  ///< acc_norm; in fixed mode also acc_norm_bytes, acc_norm_tokens and acc_pmi
};

/// One Likelihood a choice: target delimiter + choice. With a chat template the delimiter is empty, unless the task has
/// a gen_prefix that does not end in white space. In fixed mode a task with acc_norm also asks each choice without
/// context.
std::vector<Request> ask_choices(const Example& example, const std::string& context, const AskSettings& settings,
                                 const PromptFormat& format, const ChoiceMetrics& metrics);

/// acc: the choice with the largest log-likelihood (the first of equals) is right. acc_norm: the same after
/// dividing by the number of characters of the choice. Confidence is the largest probability of softmax over the
/// choices.
Verdict judge_choices(const Example& example, std::span<const Response> responses, const ChoiceMetrics& metrics);

/// The MetricSpecs that judge_choices fills in, main one first.
std::vector<MetricSpec> choice_metrics(const ChoiceMetrics& metrics, double chance);

/// exp(x - max) / sum.
std::vector<double> softmax(std::span<const double> values);

/// Log-likelihoods of the first `count` responses. Throws Fault::internal when there are fewer.
std::vector<double> choice_logps(std::span<const Response> responses, std::size_t count);

/// Index of the first largest value.
std::size_t first_largest(std::span<const double> values);

}  // namespace touchstone
