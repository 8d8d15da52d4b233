#pragma once
#include <string>

#include "harness/model/checkpoint.hpp"
#include "harness/train/stage.hpp"

namespace touchstone {

/// Loss and gradient of one objective on given tensors, to be held against another implementation. Inputs: "logits"
/// [..., V] of a floating dtype; "labels" [...] integers, already shifted, negative where nothing is trained; "weights"
/// [...] and "marks" [...] if any; "ref_logits" [..., V] if the objective is anchored. Of an objective over answers
/// labels are [A, T], an answer a row; "ref_logp" [A, T] are its tokens' log-probabilities under the reference,
/// "rewards" [A] what a judge gave, and "records" [A], rising, which answers belong together (absent: two each where
/// the objective compares answers, else each its own). Outputs: "loss" (sum / count), "sum", "count", "grad_logits" (of
/// the loss, in the logits' shape), and "logged.NAME" (means over the trained positions, or the records). Throws
/// Fault::config for an unknown objective or option, Fault::shape for tensors that are missing or disagree.
NamedTensors run_objective(const std::string& name, const std::string& options_json, const NamedTensors& inputs,
                           const TrainerBook& book);

}  // namespace touchstone
