#pragma once
#include <cmath>

#include "backends/layers/block.hpp"
#include "harness/kernels/kernels.hpp"

namespace touchstone {

/// The kernels' name of an activation.
inline kernels::Curve curve_of(Activation activation) {
  switch (activation) {
    case Activation::silu:
      return kernels::Curve::silu;
    case Activation::gelu:
      return kernels::Curve::gelu;
    case Activation::gelu_tanh:
      return kernels::Curve::gelu_tanh;
    case Activation::quick_gelu:
      return kernels::Curve::quick_gelu;
    case Activation::relu:
      return kernels::Curve::relu;
    case Activation::relu2:
      return kernels::Curve::relu2;
  }
  return kernels::Curve::silu;
}

/// The scores' scale as the kernels take it: the usual one is computed in float32.
inline float kernel_scale(double scale, std::int64_t head_dim) {
  const auto usual = scale == 1.0 / std::sqrt(static_cast<double>(head_dim));
  return usual ? 1.0F / std::sqrt(static_cast<float>(head_dim)) : static_cast<float>(scale);
}

}  // namespace touchstone
