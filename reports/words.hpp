#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "harness/report/section.hpp"

namespace touchstone::reports {

/// "Does not forget" may be said only when the whole interval of the drop lies below this (one point).
inline constexpr double forgetting_margin = 0.01;

/// The corrected p is below `significance` (harness/compare/drop.hpp), and the 95 % interval leaves out 0: words and
/// interval never disagree.
bool shown(const ArmTask& task);
/// The same of the change in over-confidence.
bool gap_shown(const ArmTask& task);
/// Whether a corrected p and the interval both show a change.
bool change_shown(const SeedMean& change, double p_adjusted);

/// "better", "worse", "trade", "inconclusive", "one seed"
std::string_view word(Finding finding);

/// The benchmark's name where its changes are shown; where lower is better it says so, because signs are turned there.
std::string task_label(const ArmTask& task);
/// The same of a benchmark by its name, as the report's arms have it.
std::string task_label(const ReportInput& input, const std::string& name);

/// "sft on gsm8k"
std::string arm_name(const Arm& arm);

/// The colour, shape and dash of a method, 0 to 5: the same in every panel of a report.
int method_style(const ReportInput& input, const std::string& method);

/// The verdict in fixed sentences: the task trained on, the others, calibration. It contains names from outside, so the
/// writer must escape it.
std::vector<std::string> verdict(const Arm& arm);

/// The conclusion in a few lines: gain and cost of each training task, the methods by their mean drop, calibration, and
/// the smallest visible difference; the scores where nothing was trained.
std::vector<std::string> short_lines(const ReportInput& input);

/// Warnings for the top of the report: cells that failed or are not finished, remarks on the data.
std::vector<RichText> alerts(const ReportInput& input);

/// The warnings from measuring, each once: carried samples instead of whole benchmarks, cut prompts.
std::vector<std::string> remarks(const ReportInput& input);

/// The first of them, and the number of the others; empty when there is none.
std::string first_remark(const ReportInput& input);

/// The models, methods and runs that the report covers, in one sentence.
std::string scope(const ReportInput& input);

}  // namespace touchstone::reports
