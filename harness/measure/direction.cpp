#include "harness/measure/direction.hpp"

namespace touchstone {

std::string direction_note(bool higher_is_better) { return higher_is_better ? "" : "lower is better"; }

std::string difference_words(double better, const std::string& magnitude, const std::string& unit,
                             bool higher_is_better) {
  const auto size = magnitude + (unit.empty() ? "" : " " + unit);
  if (higher_is_better) return (better < 0.0 ? "-" : "+") + size;
  if (better == 0.0) return size;
  return size + (better > 0.0 ? " lower" : " higher");
}

}  // namespace touchstone
