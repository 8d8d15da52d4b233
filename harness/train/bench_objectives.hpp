#pragma once
#include <string>

#include "harness/model/checkpoint.hpp"
#include "harness/train/stage.hpp"

namespace touchstone {

/// What an optimizer step of each objective for given answers costs, as a ratio to a step of sft over the same rows
/// (their first answers, where the objective trains these alone), in one process: the two in turn, `steps` times, the
/// median of the ratios. Rows are drawn: `length` tokens, half of them the prompt's, half the answer's; of an objective
/// over several answers each record has `answers`, which share the prompt. Options (JSON text): those of
/// read_bench_options for "objectives". Gives JSON text with a list "objectives", for each: answers, seconds (of sft's
/// step), step (its ratio, reference log-probabilities found before), live_reference (the same with the reference's
/// forward pass in every step; null: it has none) and separate_prompts (each answer behind a prompt of its own, against
/// sft with shared ones; null: one answer is trained). Time is the processor's on a CPU, so that other programs count
/// little, and the clock's elsewhere.
std::string bench_objectives(const std::string& options_json, const Checkpoints& checkpoints,
                             const FamilyBook& families, const TrainerBook& trainers);

}  // namespace touchstone
