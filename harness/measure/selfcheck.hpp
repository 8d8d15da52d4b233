#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "harness/base/cancel.hpp"

namespace touchstone {

struct SelfcheckSettings {
  int rounds = 4000;  ///< comparisons simulated a row, about; the error of a share near 0.95 is 0.22 / sqrt(rounds)
  std::uint64_t seed = 1;
  const CancelFlag* cancel = nullptr;
};

/// What one kind of interval and test does in one setting, beside what it promises. Differences are in points.
struct SelfcheckRow {
  std::string kind;
  std::string setting;
  double coverage = 0.0;  ///< share of 95 % intervals that hold the true difference; nan: not of this row
  /// Share shown where there is no difference; of plans that add seeds until they are decided also the share that finds
  /// no difference of 2 points where there is one. nan likewise.
  double level = 0.0;
  double power = 0.0;       ///< share shown at the effect of the row; nan likewise
  double half_width = 0.0;  ///< mean half width of the intervals; nan likewise
  double ideal = 0.0;       ///< 1.96 times the true standard deviation of the estimate; nan likewise
  double seeds = 0.0;       ///< mean number of seeds until a comparison was decided; nan likewise
  bool holds = false;       ///< within the bands that selfcheck_bands() tells, and the simulation's own error
};

/// Simulates the program's own functions: one comparison of 0/1 items, clusters, several seeds with pooled variance,
/// the change of over-confidence, plans that add seeds until they are decided, and the power at the stated smallest
/// effect. The same settings give the same rows on
/// every machine. Throws Cancelled when `cancel` is set.
std::vector<SelfcheckRow> selfcheck_statistics(const SelfcheckSettings& settings = {});

/// The bands, in words.
std::string selfcheck_bands();

}  // namespace touchstone
