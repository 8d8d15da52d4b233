#include "backends/native/products.hpp"

#include "backends/native/memory.hpp"
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
/// The program's own kernels where they multiply bfloat16 faster than LibTorch; null elsewhere. `wide`: the result is
/// float32. Where libraries have bfloat16 products at all, MKL has those with a float32 result only on Intel's
/// processors; elsewhere it converts the factors to float32.
const kernels::Kernels* own_kernels(bool wide) {
  if (!kernels::libraries_multiply_halves()) return &kernels::chosen();
  static const auto* const not_intel = __builtin_cpu_is("intel") == 0 ? kernels::named("avx512bf16") : nullptr;
  return wide ? not_intel : nullptr;
}

/// c (+)= a^(T) b^(T) of bfloat16 factors by those kernels, summed in float32; c is float32 or bfloat16.
void own_product(const kernels::Kernels& set, const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b,
                 Tensor& c, bool accumulate) {
  const auto operand = [](const Tensor& tensor, bool transposed) {
    return kernels::Operand{tensor.const_data_ptr(), tensor.stride(0), kernels::Type::bf16, transposed};
  };
  const auto depth = transpose_a ? a.size(0) : a.size(1);
  if (is_half(c) && depth > set.whole_depth) {
    auto sums = at::empty(c.sizes(), c.options().dtype(at::kFloat));
    own_product(set, a, transpose_a, b, transpose_b, sums, false);
    c.copy_(sums);
    return;
  }
  const kernels::Product whole{.rows = c.size(0),
                               .columns = c.size(1),
                               .depth = depth,
                               .a = operand(a, transpose_a),
                               .b = operand(b, transpose_b),
                               .c = c.mutable_data_ptr(),
                               .c_stride = c.stride(0),
                               .c_type = is_half(c) ? kernels::Type::bf16 : kernels::Type::f32,
                               .accumulate = accumulate,
                               .factors = kernels::Type::bf16};
  const auto each = (whole.rows + at::get_num_threads() - 1) / at::get_num_threads();
  at::parallel_for(0, whole.rows, std::max<std::int64_t>(each, 16), [&](std::int64_t first, std::int64_t last) {
    auto part = whole;
    part.rows = last - first;
    part.a.data = static_cast<const at::BFloat16*>(whole.a.data) + first * (transpose_a ? 1 : whole.a.stride);
    part.c = static_cast<char*>(whole.c) + first * whole.c_stride * c.element_size();
    thread_local Memory scratch;
    scratch.reserve(set.product_scratch_bytes);
    set.multiply(part, scratch.data());
  });
}

enum Cblas : int { row_major = 101, as_is = 111, transposed = 112 };

/// c (+)= a^(T) b^(T) of bfloat16 factors, summed in float32.
void half_product(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b, Tensor& c, bool accumulate) {
  if (const auto* set = own_kernels(!is_half(c))) {
    own_product(*set, a, transpose_a, b, transpose_b, c, accumulate);
    return;
  }
  if (is_half(c)) {
    at::mm_out(c, transpose_a ? a.t() : a, transpose_b ? b.t() : b);
    return;
  }
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
  if (is_half(x)) {
    half_product(x, false, weight, true, y, false);
  } else {
    at::mm_out(y, x, weight.t());
  }
}

Tensor input_gradient(const Tensor& d_y, const Tensor& weight) {
  if (!is_half(d_y)) return at::mm(d_y, weight);
  auto d_x = at::empty({d_y.size(0), weight.size(1)}, d_y.options());
  half_product(d_y, false, weight, false, d_x, false);
  return d_x;
}

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
