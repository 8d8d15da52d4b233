#include "trainers/loops/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace touchstone {

const std::vector<std::string>& schedule_kinds() {
  static const std::vector<std::string> kinds = {"linear", "cosine", "constant", "constant_with_warmup"};
  return kinds;
}

double Schedule::factor(std::int64_t done) const {
  if (kind == "constant") return 1.0;
  if (done < warmup_steps)
    return static_cast<double>(done) / static_cast<double>(std::max<std::int64_t>(1, warmup_steps));
  if (kind == "constant_with_warmup") return 1.0;
  const auto span = static_cast<double>(std::max<std::int64_t>(1, steps - warmup_steps));
  if (kind == "linear") return std::max(0.0, static_cast<double>(steps - done) / span);
  const double progress = static_cast<double>(done - warmup_steps) / span;
  return std::max(0.0, 0.5 * (1.0 + std::cos(std::numbers::pi * progress)));
}

}  // namespace touchstone
