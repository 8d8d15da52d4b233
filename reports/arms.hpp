#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "harness/report/section.hpp"

namespace touchstone::reports {

/// Scores of one benchmark's items before and after, in equal order.
struct ItemScores {
  std::vector<double> before;
  std::vector<double> after;
  std::vector<std::string> clusters;  ///< empty: independent items
};

/// By (index into the changes, task).
using ItemTable = std::map<std::pair<std::size_t, std::string>, ItemScores>;

/// Gathers the cells that differ in their seed alone and pools them. One seed: the cell's own numbers. Several: the
/// mean over seeds, paired by item; with three seeds or more the error covers the choice of seeds too. Holm's
/// correction runs over each arm's benchmarks that were not trained on, and over the gains of all arms on their
/// targets. `items` must hold every benchmark of the arms that have several seeds (Fault::internal otherwise).
std::vector<Arm> build_arms(const std::vector<CellChange>& changes, const std::vector<ModelRow>& models,
                            const ItemTable& items);

/// The mean of calibrations of the same items under several seeds: numbers are means, bins are pooled.
Calibration mean_calibration(const std::vector<const Calibration*>& all);

}  // namespace touchstone::reports
