#pragma once
#include <vector>

#include "harness/report/section.hpp"

namespace touchstone::reports {

/// The summaries of seed_summaries(), in the order of their first cells; arms of one model and training task stay side
/// by side. The tests are corrected in families, by Holm: each arm's benchmarks that were not trained on; each arm's
/// changes of calibration; the gains of all arms on their training tasks; the mean drops of all arms.
std::vector<Arm> build_arms(const std::vector<CellChange>& changes, const std::vector<ModelRow>& models);

/// The mean drop of each method over its arms.
std::vector<MethodDrop> method_drops(const std::vector<CellChange>& changes, const std::vector<Arm>& arms);

/// The mean of calibrations of the same items under several seeds: numbers are means, bins are pooled.
Calibration mean_calibration(const std::vector<const Calibration*>& all);

}  // namespace touchstone::reports
