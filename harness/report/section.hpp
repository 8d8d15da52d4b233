#pragma once
#include <functional>
#include <string>
#include <vector>

#include "harness/base/registry.hpp"
#include "harness/measure/drop.hpp"
#include "harness/store/store.hpp"

namespace touchstone {

/// What every section of a report may read: computed once, in a fixed order.
struct ReportInput {
  const Store* store = nullptr;
  std::vector<RunRow> runs;
  std::vector<CellChange> cells;
  std::vector<ModelRow> models;
  std::vector<MeasureRow> measures;
};

/// One section of the HTML page: gives its HTML, or nothing when it has nothing to say.
struct Section {
  std::string title;
  int order = 0;  ///< sections come in this order, then by name
  std::function<std::string(const ReportInput&)> html;
};

using SectionBook = Registry<Section>;

}  // namespace touchstone
