#pragma once
#include <string>

#include "harness/model/checkpoint.hpp"

namespace touchstone {

/// Writes answers to the prompts of a file and says how fast: what `bench decode --requests FILE` does. The file has
/// one JSON object a line, {"prompt": text, "max_new_tokens": n}; `out` gets {"tokens": n, "text": ...} for each, in
/// the same order. At most `batch` answers are written at the same time; one that is finished makes room for the next.
/// Greedy; an answer ends at the checkpoint's end token or at its own length. Options and result are JSON texts. Throws
/// Fault::data naming file and line for what is wrong in the file.
std::string bench_requests(const std::string& options_json, const Checkpoints& checkpoints);

}  // namespace touchstone
