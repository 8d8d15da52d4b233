#include "backends/native/products.hpp"

#include "backends/native/block.hpp"
#include "harness/kernels/kernels.hpp"
#include "harness/model/ops.hpp"

#if defined(TOUCHSTONE_MKL_BF16)
// Exported by LibTorch's own library on x86 and declared by none of its headers. The enumerators are those of CBLAS.
extern "C" void cblas_gemm_bf16bf16f32(int layout, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                                       const void* a, int a_stride, const void* b, int b_stride, float beta, float* c,
                                       int c_stride);
#endif

namespace touchstone {
namespace {

bool is_half(const Tensor& tensor) { return tensor.scalar_type() == at::kBFloat16; }

#if defined(TOUCHSTONE_MKL_BF16)
/// The same as half_product by the program's own kernel; false where the processor has no bfloat16 products.
bool own_product(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b, Tensor& c, bool accumulate) {
  const auto* set = kernels::named("avx512bf16");
  if (set == nullptr) return false;
  const auto operand = [](const Tensor& tensor, bool transposed) {
    return kernels::Operand{tensor.const_data_ptr(), tensor.stride(0), kernels::Type::bf16, transposed};
  };
  const kernels::Product whole{.rows = c.size(0),
                               .columns = c.size(1),
                               .depth = transpose_a ? a.size(0) : a.size(1),
                               .a = operand(a, transpose_a),
                               .b = operand(b, transpose_b),
                               .c = c.mutable_data_ptr<float>(),
                               .c_stride = c.stride(0),
                               .accumulate = accumulate,
                               .factors = kernels::Type::bf16};
  const auto each = (whole.rows + at::get_num_threads() - 1) / at::get_num_threads();
  at::parallel_for(0, whole.rows, std::max<std::int64_t>(each, 16), [&](std::int64_t first, std::int64_t last) {
    auto part = whole;
    part.rows = last - first;
    part.a.data = static_cast<const at::BFloat16*>(whole.a.data) + first * (transpose_a ? 1 : whole.a.stride);
    part.c = static_cast<float*>(whole.c) + first * whole.c_stride;
    thread_local Block scratch;
    scratch.reserve(set->product_scratch_bytes);
    set->multiply(part, scratch.data());
  });
  return true;
}

enum Cblas : int { row_major = 101, as_is = 111, transposed = 112 };

/// Elsewhere MKL turns the factors into float32 and multiplies those.
bool mkl_multiplies_halves() {
  static const bool found = __builtin_cpu_is("intel") != 0;
  return found;
}

/// c (+)= a^(T) b^(T) of bfloat16 factors, summed in float32.
void half_product(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b, Tensor& c, bool accumulate) {
  if (!mkl_multiplies_halves() && own_product(a, transpose_a, b, transpose_b, c, accumulate)) return;
  const auto depth = transpose_a ? a.size(0) : a.size(1);
  cblas_gemm_bf16bf16f32(row_major, transpose_a ? transposed : as_is, transpose_b ? transposed : as_is,
                         static_cast<int>(c.size(0)), static_cast<int>(c.size(1)), static_cast<int>(depth), 1.0F,
                         a.const_data_ptr(), static_cast<int>(a.stride(0)), b.const_data_ptr(),
                         static_cast<int>(b.stride(0)), accumulate ? 1.0F : 0.0F, c.mutable_data_ptr<float>(),
                         static_cast<int>(c.stride(0)));
}
#else
void half_product(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b, Tensor& c, bool accumulate) {
  const auto product = at::mm(transpose_a ? a.t() : a, transpose_b ? b.t() : b);
  if (accumulate) {
    c.add_(product);
  } else {
    c.copy_(product);
  }
}
#endif

}  // namespace

void multiply_into(Tensor& y, const Tensor& x, const Tensor& weight) {
  if (is_half(x) && !is_half(y)) {
    half_product(x, false, weight, true, y, false);
  } else {
    at::mm_out(y, x, weight.t());
  }
}

Tensor input_gradient(const Tensor& d_y, const Tensor& weight) { return at::mm(d_y, weight); }

void add_weight_gradient(const Tensor& weight, const Tensor& d_y, const Tensor& x) {
  const at::NoGradGuard no_gradients;
  auto& gradient = weight.mutable_grad();
  const bool accumulate = gradient.defined();
  if (!accumulate) gradient = at::empty_like(weight, at::MemoryFormat::Contiguous);
  if (is_half(x)) {
    half_product(d_y, true, x, false, gradient, accumulate);
  } else if (accumulate) {
    gradient.addmm_(d_y.t(), x);
  } else {
    at::mm_out(gradient, d_y.t(), x);
  }
}

}  // namespace touchstone
