#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/report/section.hpp"

namespace touchstone {

/// How much of the database a report takes in.
struct ReportSettings {
  std::optional<std::int64_t> run;  ///< none: all runs
  /// Items shown of each cell and benchmark, half lost and half gained; 0: none. Without a number 6, or as many as let
  /// the page open quickly however large the database is.
  std::optional<int> flips_shown{};
  std::size_t text_bytes = 2000;  ///< of each prompt and answer; the rest is left out and said so
};

/// A form that a report is written in.
struct ReportFormat {
  std::string summary;               ///< what it is, for help; may be empty
  std::vector<std::string> endings;  ///< of files that are of this form: ".html"
  bool takes_sections = false;       ///< whether sections can be named
  /// The same input gives the same bytes. Without sections named, all that the form shows. Throws Fault::config for a
  /// section that there is not.
  std::function<std::string(const ReportInput&, const SectionBook&, const std::vector<std::string>& sections)> render;
};

/// Everything that the files of reports/ contribute.
struct ReportBook {
  SectionBook sections{"report section"};
  Registry<ReportFormat> formats{"report format"};
  /// Reads all that a report needs. Throws Fault::usage when the run is not in the store, and the store's faults.
  std::function<ReportInput(const Store&, const ReportSettings&)> collect;
};

}  // namespace touchstone
