#pragma once
#include <filesystem>
#include <string>

namespace touchstone::testing {

/// Small made-up data for the benchmarks, in the files that the tasks look for below a data folder. Rows are formulas
/// of their index; the reference's expected values were computed from the same rows.
void write_toy_mmlu(const std::filesystem::path& folder);
void write_toy_gsm8k(const std::filesystem::path& folder);
void write_toy_truthfulqa(const std::filesystem::path& folder);

void write_text(const std::filesystem::path& path, const std::string& text);

}  // namespace touchstone::testing
