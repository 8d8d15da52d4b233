#pragma once
#include <string_view>

namespace touchstone {

/// ChartQA's relaxed accuracy (arXiv 2203.10244): numbers may be 5 % away from the gold one, texts must be equal apart
/// from case. Both sides are read as in lm-evaluation-harness's task `chartqa`: commas in numbers and dollar signs are
/// dropped, and percent signs are tried as hundredths.
bool relaxed_equal(std::string_view prediction, std::string_view gold);

}  // namespace touchstone
