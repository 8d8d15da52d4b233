#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "harness/report/section.hpp"

namespace touchstone::reports {

/// A difference counts as shown below this adjusted p.
inline constexpr double alpha = 0.05;
/// "Does not forget" may be said only when the whole interval of the drop lies below this (one point).
inline constexpr double forgetting_margin = 0.01;

bool shown(const ArmTask& task);

/// "better", "worse", "inconclusive"
std::string_view word(Finding finding);

/// "sft on gsm8k"
std::string arm_name(const Arm& arm);

/// html() or markdown(): makes a name harmless in what it is put into.
using Escape = std::string (*)(std::string_view);

/// The verdict in fixed words, one sentence each: the task trained on, the others, calibration. Names go through
/// `escape`.
std::vector<std::string> verdict(const Arm& arm, Escape escape);

/// What measuring had to say of itself, each once: carried samples in the place of whole benchmarks, cut prompts.
std::vector<std::string> remarks(const ReportInput& input);

/// The first of them, and how many more there are; empty without any.
std::string first_remark(const ReportInput& input, Escape escape);

/// What the report is of, in one sentence.
std::string scope(const ReportInput& input);

}  // namespace touchstone::reports
