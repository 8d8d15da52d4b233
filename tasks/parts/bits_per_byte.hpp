#pragma once
#include <string>

#include "harness/data/task.hpp"

namespace touchstone {

/// The metric of a task that asks for nothing and scores a text: bits that the model needs for each byte of it.
/// Texts count alike, whatever their length.
MetricSpec bits_per_byte_metric();

/// The verdict on a text with this log-likelihood (`response`, in nats); its score is a probability per byte.
Verdict judge_bits_per_byte(const std::string& text, const Response& response);

}  // namespace touchstone
