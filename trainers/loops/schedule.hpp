#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace touchstone {

/// The learning rate over the steps of one stage: the formulas of Transformers' get_scheduler.
struct Schedule {
  std::string kind = "linear";  ///< one of schedule_kinds()
  std::int64_t warmup_steps = 0;
  std::int64_t steps = 0;

  /// The factor of the base rate, in [0, 1], at optimizer step `done` (the number of steps done already, from 0).
  double factor(std::int64_t done) const;
};

/// "linear", "cosine", "constant", "constant_with_warmup".
const std::vector<std::string>& schedule_kinds();

}  // namespace touchstone
