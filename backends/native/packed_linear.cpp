#include "backends/native/packed_linear.hpp"

#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

kernels::Product product_of(std::int64_t rows, std::int64_t out, std::int64_t in, kernels::Type factors) {
  kernels::Product product;
  product.rows = rows;
  product.columns = out;
  product.depth = in;
  product.factors = factors;
  return product;
}

}  // namespace

PackedLinear::PackedLinear(const Tensor& weight, const Tensor& bias, kernels::Type factors)
    : out_(weight.size(0)), in_(weight.size(1)), factors_(factors) {
  const auto& set = kernels::chosen();
  const auto plain = weight.to(at::kFloat).contiguous();
  auto product = product_of(1, out_, in_, factors_);
  product.b = {.data = plain.const_data_ptr(), .stride = in_, .type = kernels::Type::f32, .transposed = true};
  packed_ = Memory(set.packed_bytes(product));
  set.pack_factors(product, packed_.data());
  if (!bias.defined()) return;
  const auto values = bias.to(at::kFloat).contiguous();
  bias_ = Memory(out_ * 4);
  std::memcpy(bias_.data(), values.const_data_ptr(), static_cast<std::size_t>(out_) * 4);
}

void PackedLinear::apply(const float* x, std::int64_t rows, float* y, Memory& scratch) const {
  if (rows == 0) return;
  const auto& set = kernels::chosen();
  scratch.reserve(set.product_scratch_bytes);
  auto product = product_of(rows, out_, in_, factors_);
  product.a = {.data = x, .stride = in_, .type = kernels::Type::f32, .transposed = false};
  product.c = y;
  product.c_stride = out_;
  set.multiply_packed(product, packed_.data(), scratch.data());
  if (bias_.bytes() == 0) return;
  const float* bias = bias_.floats();
  for (std::int64_t row = 0; row < rows; ++row) {
    float* to = y + row * out_;
    for (std::int64_t at = 0; at < out_; ++at) to[at] += bias[at];
  }
}

}  // namespace touchstone
