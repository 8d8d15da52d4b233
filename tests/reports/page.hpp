#pragma once
#include <string>

#include "reports/arms.hpp"
#include "reports/render.hpp"
#include "tests/support/fixed_report.hpp"

namespace touchstone::testing {

inline ReportInput with_arms(ReportInput input) {
  input.arms = reports::build_arms(input.changes, input.models);
  for (auto& metric : input.further) metric.arms = reports::build_arms(metric.changes, input.models);
  input.methods = reports::method_drops(input.changes, input.arms);
  return input;
}

inline SectionBook all_sections() {
  SectionBook book("report section");
  add_reports(book);
  return book;
}

}  // namespace touchstone::testing
