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
  double coverage = 0.0;    ///< share of 95 % intervals that hold the true difference; nan: not of this row
  double level = 0.0;       ///< share of p below 0.05 where there is no difference; nan likewise
  double power = 0.0;       ///< share shown at the effect that is said to be shown in 80 %; nan likewise
  double half_width = 0.0;  ///< mean half width of the intervals; nan likewise
  double ideal = 0.0;       ///< 1.96 times the true standard deviation of the estimate; nan likewise
  bool holds = false;       ///< within the bands that selfcheck_bands() tells, and the simulation's own error
};

/// Simulates the program's own functions: one comparison of 0/1 items, clusters, several seeds with pooled variance,
/// the change of over-confidence, and the power at the stated smallest effect. The same settings give the same rows on
/// every machine. Throws Cancelled when `cancel` is set.
std::vector<SelfcheckRow> selfcheck_statistics(const SelfcheckSettings& settings = {});

/// The bands, in words.
std::string selfcheck_bands();

}  // namespace touchstone
