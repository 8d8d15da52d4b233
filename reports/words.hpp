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

/// The colour, shape and dash of a method, 0 to 5: the same in every panel of a report.
int method_style(const ReportInput& input, const std::string& method);

/// The verdict in fixed words, one sentence each: the task trained on, the others, calibration. With names from
/// outside: whoever writes it escapes.
std::vector<std::string> verdict(const Arm& arm);

/// The conclusion in a few lines: gain and cost of each training task, the methods by their mean drop, calibration, and
/// how small a difference could not be seen; the scores where nothing was trained.
std::vector<std::string> short_lines(const ReportInput& input);

/// What a reader must know before the first number: cells that failed or are not finished, remarks on the data.
std::vector<RichText> alerts(const ReportInput& input);

/// What measuring had to say of itself, each once: carried samples in the place of whole benchmarks, cut prompts.
std::vector<std::string> remarks(const ReportInput& input);

/// The first of them, and how many more there are; empty without any.
std::string first_remark(const ReportInput& input);

/// What the report is of, in one sentence.
std::string scope(const ReportInput& input);

}  // namespace touchstone::reports
