#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/json.hpp"
#include "harness/compare/verdict.hpp"

namespace touchstone {

class Program;

/// Why a program of this version cannot have made a result that others could make again: "" when it names a commit
/// without changes ("0.1.0+1a2b3c4d5e6f").
std::string commit_objection(const std::string& version);

/// A run's verdict with what made it: the commits that ran and judged it, the seconds that its cells took, the machine.
Json verdict_entry(const Store& store, const RunRow& run, const PlanVerdict& verdict, const std::string& judged_by);

/// Throws Fault::config for a verdict that may not stand as a method's: of a plan that names no method, of a commit
/// that nobody has, or that PlanVerdict::objections are against.
void require_recordable(const Store& store, const RunRow& run, const PlanVerdict& verdict,
                        const std::string& judged_by);

/// Adds verdicts to a JSON file, under the method that their plan is about. Other entries stay, and so does the
/// "note" that a person wrote beside one.
Json recorded_verdicts(const std::filesystem::path& file, const std::vector<Json>& verdicts);

/// The page of all recorded verdicts, as Markdown.
std::string verdicts_page(Program& program, const Json& record);

}  // namespace touchstone
