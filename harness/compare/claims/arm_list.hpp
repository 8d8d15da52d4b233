#pragma once
#include <string>
#include <vector>

#include "harness/base/options.hpp"
#include "harness/compare/claims/quantity.hpp"

namespace touchstone {

/// Arms in an order, each at a position: a share, a number of negatives, a strength.
struct ArmList {
  std::vector<std::string> arms;
  std::vector<double> positions;  ///< rising; without "positions" in the plan 1, 2, 3, ...
  bool placed = false;            ///< the plan gives the positions
};

/// Reads "arms" and "positions". Throws Fault::config for fewer than `least` arms, one that stands twice, and positions
/// that are not as many or do not rise.
ArmList read_arm_list(Options& options, std::size_t least);

/// A list of different arms.
std::vector<std::string> read_arms(Options& options, const std::string& key, const std::string& help,
                                   std::size_t least);

/// "share-10 (0.1)", or the name alone where the plan gives no positions.
std::string arm_text(const ArmList& list, std::size_t at);
/// "mean drop elsewhere, share-0, share-10, share-50, trained on micro-gsm8k".
std::string compared_arms(const Quantity& quantity, const std::vector<std::string>& arms);

}  // namespace touchstone
