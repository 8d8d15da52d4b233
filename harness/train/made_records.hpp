#pragma once
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"

namespace touchstone {

/// Runs a stage. The records it makes (Stage::making) are kept, with their origin, beside the job's output
/// (records_folder). Where records lie there that were made from the same inputs, they are used and the stage is not
/// run; inputs are stage and options, rows, weights, tokenizer, seed, precision, kernels and threads. A file that is
/// damaged or has other inputs is made again, with a line in the log. A job without output keeps nothing.
void make_or_take(const Stage& stage, Session& session);

}  // namespace touchstone
