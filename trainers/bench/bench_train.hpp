#pragma once
#include <string>

#include "harness/model/checkpoint.hpp"
#include "harness/train/stage.hpp"

namespace touchstone {

/// Speed of full fine-tuning: `batch` rows of `length` tokens a step, every token after a row's first trained, AdamW at
/// a constant rate, no clipping. Options (JSON text): those of read_bench_options for "train". Gives JSON text with
/// tokens_per_second (all tokens of the rows, from the median step after the third), each step's loss, the rate of the
/// model's matrix products as a share of the machine's rate, and the process's peak memory.
std::string bench_train(const std::string& options_json, const Checkpoints& checkpoints, const FamilyBook& families,
                        const TrainerBook& trainers);

}  // namespace touchstone
