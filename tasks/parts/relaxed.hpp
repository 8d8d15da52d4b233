#pragma once
#include <string_view>

namespace touchstone {

/// ChartQA's relaxed accuracy (arXiv 2203.10244): numbers may be 5 % away from the gold one, text must be equal but for
/// case. As lm-evaluation-harness's task `chartqa` reads both sides: thousands' commas and dollar signs dropped,
/// percent signs tried as hundredths.
bool relaxed_equal(std::string_view prediction, std::string_view gold);

}  // namespace touchstone
