#pragma once
#include <string>

#include "harness/report/section.hpp"

namespace touchstone::testing {

/// A small report made by hand: one base model, sft and lora trained on gsm8k with one seed, three benchmarks of 100
/// items, one failed cell. Every number is chosen, so a test can look for it. Call reports::build_arms() for the
/// arms.
ReportInput fixed_report();

/// The same with `text` in every field that may hold text from outside.
ReportInput report_of_text(const std::string& text);

/// A benchmark of `items` right-or-wrong items with these outcomes, compared by the program's own code.
TaskChange change_of(const std::string& task, bool trained_on, int both_right, int lost, int gained, int both_wrong);

}  // namespace touchstone::testing
