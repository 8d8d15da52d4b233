#pragma once
#include <string>

#include "harness/model/checkpoint.hpp"
#include "harness/train/stage.hpp"

namespace touchstone {

/// Loss and gradient of one objective on given tensors, for comparison with another implementation. Inputs: "logits"
/// [..., V] of a floating dtype; "labels" [...] integers, already shifted, negative where nothing is trained; "weights"
/// [...] and "marks" [...] if any; "ref_logits" [..., V] if the objective has a reference model. For an objective over
/// answers, labels are [A, T], a row per answer; "ref_logp" [A, T] holds log-probabilities under the reference,
/// "rewards" [A] the judged rewards, and "records" [A], rising, the record of each answer (absent: two answers each
/// where the objective compares answers, else one). Outputs: "loss" (sum / count), "sum", "count", "grad_logits" (of
/// the loss, in the logits' shape), and "logged.NAME" (means over the trained positions, or the records). Throws
/// Fault::config for an unknown objective or option, Fault::shape for tensors that are missing or disagree.
NamedTensors run_objective(const std::string& name, const std::string& options_json, const NamedTensors& inputs,
                           const TrainerBook& book);

}  // namespace touchstone
