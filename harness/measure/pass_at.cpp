#include "harness/measure/pass_at.hpp"

namespace touchstone {

double pass_at(int samples, int passed, int k) {
  if (samples - passed < k) return 1.0;
  double all_fail = 1.0;
  for (int i = samples - passed + 1; i <= samples; ++i)
    all_fail *= 1.0 - static_cast<double>(k) / static_cast<double>(i);
  return 1.0 - all_fail;
}

}  // namespace touchstone
