#pragma once
#include <string>

#include "harness/model/checkpoint.hpp"
#include "harness/train/stage.hpp"

namespace touchstone {

/// The cost of an optimizer step of each objective for given answers, as a ratio to a step of sft over the same rows
/// (their first answers, where the objective trains only these). Both run in one process in turn, `steps` times; the
/// result is the median of the ratios. Rows are random: `length` tokens, half prompt, half answer. For an objective
/// over several answers each record has `answers` of them, which share the prompt. Options (JSON text): those of
/// read_bench_options for "objectives". Gives JSON text with a list "objectives"; each has answers, seconds (of sft's
/// step), step (its ratio, with reference log-probabilities computed before), live_reference (the same with the
/// reference's forward pass in every step; null: it has none) and separate_prompts (each answer behind its own copy of
/// the prompt, against sft with shared ones; null: one answer is trained). Time is CPU time on a CPU, so that other
/// programs count little, and wall-clock time elsewhere.
std::string bench_objectives(const std::string& options_json, const Checkpoints& checkpoints,
                             const FamilyBook& families, const TrainerBook& trainers);

}  // namespace touchstone
