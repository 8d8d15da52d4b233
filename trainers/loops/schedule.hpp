#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace touchstone {

/// How the learning rate moves over the steps of one stage: the formulas of Transformers' get_scheduler.
struct Schedule {
  std::string kind = "linear";  ///< one of schedule_kinds()
  std::int64_t warmup_steps = 0;
  std::int64_t steps = 0;

  /// What the base rate is multiplied with at optimizer step `done` (how many are done already, from 0), in [0, 1].
  double factor(std::int64_t done) const;
};

/// "linear", "cosine", "constant", "constant_with_warmup".
const std::vector<std::string>& schedule_kinds();

}  // namespace touchstone
