#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/report/section.hpp"

namespace touchstone {

/// Which part of the database a report covers.
struct ReportSettings {
  std::optional<std::int64_t> run;  ///< none: all runs
  /// Items shown of each cell and benchmark, half lost and half gained; 0: none. Without a number: 6, or fewer where
  /// the page would not open quickly.
  std::optional<int> flips_shown{};
  std::size_t text_bytes = 2000;  ///< of each prompt and answer; the report says where it left out the rest
};

/// A format for reports.
struct ReportFormat {
  std::string summary;               ///< description for help; may be empty
  std::vector<std::string> endings;  ///< file endings that mean this format: ".html"
  bool takes_sections = false;       ///< whether sections can be named
  /// The same input gives the same bytes. Without named sections it gives all that the format shows. Throws
  /// Fault::config for an unknown section.
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
