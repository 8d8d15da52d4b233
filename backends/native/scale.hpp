#pragma once
#include <cmath>

#include "backends/layers/plain.hpp"

namespace touchstone {

/// The scores' scale for the kernels: the usual one is computed in float32.
inline float kernel_scale(double scale, std::int64_t head_dim) {
  const auto usual = scale == usual_scale(head_dim);
  return usual ? 1.0F / std::sqrt(static_cast<float>(head_dim)) : static_cast<float>(scale);
}

}  // namespace touchstone
