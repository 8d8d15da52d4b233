#pragma once
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"

namespace touchstone {

/// Runs a stage. What it makes of records (Stage::making) is kept, with its origin, beside the job's output
/// (records_folder); and what lies there already is taken, and the stage not run, when it was made of the same: stage
/// and options, rows, weights, tokenizer, seed, precision, kernels and threads. A file that is damaged, or was made of
/// something else, is made again, with a line in the log that says so. A job without output keeps nothing.
void make_or_take(const Stage& stage, Session& session);

}  // namespace touchstone
