#pragma once
// Matrix products of training, on the fastest routine that this LibTorch has for each.
#include "harness/model/tensor.hpp"

namespace touchstone {

/// x [N, in] times weight [out, in] transposed, written to y [N, out], whose rows may lie apart. x and weight have one
/// dtype; y has it too, or is float32.
void multiply_into(Tensor& y, const Tensor& x, const Tensor& weight);

/// d_y [N, out] times weight [out, in], in their dtype: the gradient of the products' input.
Tensor input_gradient(const Tensor& d_y, const Tensor& weight);

/// Adds d_y [N, out] transposed times x [N, in] to the gradient of `weight`, in float32. The first call makes the
/// gradient, so that no memory is cleared before it is written.
void add_weight_gradient(const Tensor& weight, const Tensor& d_y, const Tensor& x);

}  // namespace touchstone
