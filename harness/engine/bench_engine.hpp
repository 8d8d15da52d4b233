#pragma once
#include <string>

#include "harness/model/checkpoint.hpp"

namespace touchstone {

/// Speed of answering. kind "score": documents of `length` tokens, `batch` of them at once; kind "decode": `batch` rows
/// that continue a prompt of `length` tokens by `steps` tokens. Options (JSON text): model (folder; absent: random
/// weights of 34 M parameters), dtype, threads, device, batch, length, steps. Gives JSON text with tokens_per_second,
/// the machine's own rate of matrix products, and the share of it that the model's products reached.
std::string bench_engine(const std::string& kind, const std::string& options_json, const Checkpoints& checkpoints,
                         const FamilyBook& families);

}  // namespace touchstone
