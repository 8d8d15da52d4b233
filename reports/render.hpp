#pragma once
#include <string>
#include <vector>

#include "harness/report/report.hpp"

namespace touchstone {

/// Reads all data of a report. Throws Fault::usage when the run is not in the store, and the store's faults.
ReportInput collect(const Store& store, const ReportSettings& settings = {});

/// One self-contained page: opens from disk, asks the network for nothing, works without scripts. The same input gives
/// the same bytes. With `sections` named, only those; throws Fault::config for an unknown section.
std::string render_html(const ReportInput& input, const SectionBook& book,
                        const std::vector<std::string>& sections = {});

/// For pull requests and terminals: the named sections, or all but the long ones.
std::string render_markdown(const ReportInput& input, const SectionBook& book,
                            const std::vector<std::string>& sections = {});

/// The tables of the sections named (all without any), one below the other, each with its caption before it; numbers at
/// full precision.
std::string render_section_csv(const ReportInput& input, const SectionBook& book,
                               const std::vector<std::string>& sections);

/// The content of the named sections as objects; numbers at full precision, nan and infinity as null.
std::string render_section_json(const ReportInput& input, const SectionBook& book,
                                const std::vector<std::string>& sections);

/// A few lines in words for a terminal: scope, gain and cost of each training task, the methods by their mean drop,
/// calibration, and the size of a difference that could not be seen.
std::string render_brief(const ReportInput& input);

/// One table, one row a score or a change (column `record`), numbers at full precision. Texts that a spreadsheet would
/// take for a formula are defused.
std::string render_csv(const ReportInput& input);

/// Everything but prompts and answers; numbers at full precision, nan and infinity as null.
std::string render_json(const ReportInput& input);

/// The scores in the form of lm-evaluation-harness's results_*.json: one such object, or a list of them when several
/// models were measured.
std::string render_lm_eval(const ReportInput& input);

/// The function that the build writes: adds every section of reports/sections/ to the book.
void add_reports(SectionBook& book);

/// Adds everything in this folder: sections, formats, and the function that collects their input.
void add_report_book(ReportBook& book);

}  // namespace touchstone
