#pragma once
#include <vector>

#include "harness/report/section.hpp"

namespace touchstone::reports {

/// Groups the cells that differ only in their seed, in the order of their first cells; arms of one model and training
/// task stay side by side. One seed: the cell's own numbers; several: seed_summaries(). Holm's correction runs over
/// each arm's benchmarks that were not trained on, and over the gains of all arms on their training tasks.
std::vector<Arm> build_arms(const std::vector<CellChange>& changes, const std::vector<ModelRow>& models);

/// The mean of calibrations of the same items under several seeds: numbers are means, bins are pooled.
Calibration mean_calibration(const std::vector<const Calibration*>& all);

}  // namespace touchstone::reports
