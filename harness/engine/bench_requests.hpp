#pragma once
#include <string>

#include "harness/model/checkpoint.hpp"

namespace touchstone {

/// Answers the prompts of a file and measures the speed: `bench decode --requests FILE`. The file has one JSON object
/// per line, {"prompt": text, "max_new_tokens": n}; `out` gets {"tokens": n, "text": ...} for each, in the same order.
/// At most `batch` answers are written at the same time; when one is finished, the next begins. Decoding is greedy; an
/// answer ends at the checkpoint's end token or at its own length. Options and result are JSON texts. Throws
/// Fault::data naming file and line for an error in the file.
std::string bench_requests(const std::string& options_json, const Checkpoints& checkpoints);

}  // namespace touchstone
