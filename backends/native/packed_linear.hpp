#pragma once
#include "backends/native/memory.hpp"
#include "harness/kernels/kernels.hpp"
#include "harness/model/tensor.hpp"

namespace touchstone {

/// y = x W^T + b with W packed once. A row of y does not depend on how many rows there are.
class PackedLinear {
 public:
  PackedLinear() = default;
  /// weight [out, in] of any floating dtype, bias [out] or undefined; the product's factors are rounded to `factors`.
  PackedLinear(const Tensor& weight, const Tensor& bias, kernels::Type factors);

  /// x [rows, in] to y [rows, out], float32, rows contiguous.
  void apply(const float* x, std::int64_t rows, float* y, Memory& scratch) const;
  std::int64_t out() const { return out_; }
  std::int64_t in() const { return in_; }

 private:
  std::int64_t out_ = 0;
  std::int64_t in_ = 0;
  kernels::Type factors_ = kernels::Type::f32;
  Memory packed_;
  Memory bias_;
};

}  // namespace touchstone
