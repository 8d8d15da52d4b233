#include <torch/csrc/autograd/custom_function.h>

#include "backends/native/fused.hpp"
#include "harness/kernels/kernels.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Rows that one call of a kernel takes. Fixed, so that a weight's gradient is summed in one order whatever the number
/// of threads.
constexpr std::int64_t rows_a_call = 256;

kernels::Type type_of(at::ScalarType dtype) {
  return dtype == at::kBFloat16 ? kernels::Type::bf16 : kernels::Type::f32;
}

template <class Body>
void each_block(std::int64_t rows, const Body& body) {
  const auto blocks = (rows + rows_a_call - 1) / rows_a_call;
  at::parallel_for(0, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto block = begin; block < end; ++block) {
      const auto first = block * rows_a_call;
      body(block, first, std::min(rows_a_call, rows - first));
    }
  });
}

char* row_of(const Tensor& tensor, std::int64_t row) {
  return static_cast<char*>(tensor.data_ptr()) +
         row * tensor.stride(0) * static_cast<std::int64_t>(tensor.element_size());
}
float* floats_of(const Tensor& tensor, std::int64_t row) {
  return tensor.defined() ? reinterpret_cast<float*>(row_of(tensor, row)) : nullptr;
}

struct NormTensors {
  Tensor sum, normed, scale;
};

NormTensors norm_forward(const Tensor& x, const Tensor& delta, const Tensor& weight, const NormKind& kind) {
  NormTensors out{.sum = delta.defined() ? at::empty_like(x) : x,
                  .normed = at::empty_like(x, x.options().dtype(kind.dtype)),
                  .scale = at::empty({x.size(0)}, x.options())};
  each_block(x.size(0), [&](std::int64_t, std::int64_t first, std::int64_t rows) {
    kernels::NormForward norm;
    norm.rows = rows;
    norm.width = x.size(1);
    norm.x = floats_of(x, first);
    if (delta.defined()) {
      norm.delta = row_of(delta, first);
      norm.sum = floats_of(out.sum, first);
    }
    norm.weight = weight.const_data_ptr<float>();
    norm.epsilon = static_cast<float>(kind.epsilon);
    norm.type = type_of(kind.dtype);
    norm.y = row_of(out.normed, first);
    norm.scale = floats_of(out.scale, first);
    kernels::chosen().norm_forward(norm);
  });
  return out;
}

struct NormGradients {
  Tensor d_x, d_delta, d_weight;
};

/// `saved`: sum, scale, weight.
NormGradients norm_backward(const variable_list& saved, const Tensor& d_sum, const Tensor& given, bool wants_delta,
                            at::ScalarType dtype) {
  const auto& sum = saved[0];
  const auto& weight = saved[2];
  const auto d_y = given.contiguous();
  const auto d_sums = d_sum.defined() ? d_sum.contiguous() : d_sum;
  const auto blocks = (sum.size(0) + rows_a_call - 1) / rows_a_call;
  NormGradients out{.d_x = at::empty_like(sum), .d_delta = {}, .d_weight = {}};
  // A float32 delta has the sum's own gradient.
  if (wants_delta && dtype == at::kBFloat16) out.d_delta = at::empty_like(sum, sum.options().dtype(dtype));
  Tensor partial;
  if (weight.requires_grad()) partial = at::empty({blocks, sum.size(1)}, sum.options());
  each_block(sum.size(0), [&](std::int64_t block, std::int64_t first, std::int64_t rows) {
    kernels::NormBackward norm;
    norm.rows = rows;
    norm.width = sum.size(1);
    norm.sum = floats_of(sum, first);
    norm.scale = floats_of(saved[1], first);
    norm.weight = weight.const_data_ptr<float>();
    norm.type = type_of(dtype);
    norm.d_y = row_of(d_y, first);
    norm.d_sum = floats_of(d_sums, first);
    norm.d_x = floats_of(out.d_x, first);
    if (out.d_delta.defined()) norm.d_delta = row_of(out.d_delta, first);
    norm.d_weight = floats_of(partial, block);
    kernels::chosen().norm_backward(norm);
  });
  if (partial.defined()) out.d_weight = partial.sum(0);
  if (wants_delta && !out.d_delta.defined()) out.d_delta = out.d_x;
  return out;
}

struct RowNorm : torch::autograd::Function<RowNorm> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight, double epsilon,
                        at::ScalarType dtype) {
    auto out = norm_forward(x, {}, weight, {.epsilon = epsilon, .dtype = dtype});
    context->save_for_backward({x, out.scale, weight});
    return out.normed;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto out = norm_backward(saved, {}, gradients[0], false, gradients[0].scalar_type());
    return {out.d_x, out.d_weight, Tensor(), Tensor()};
  }
};

struct SumNorm : torch::autograd::Function<SumNorm> {
  static variable_list forward(AutogradContext* context, const Tensor& x, const Tensor& delta, const Tensor& weight,
                               double epsilon, at::ScalarType dtype) {
    auto out = norm_forward(x, delta, weight, {.epsilon = epsilon, .dtype = dtype});
    context->save_for_backward({out.sum, out.scale, weight});
    context->set_materialize_grads(false);
    context->saved_data["dtype"] = static_cast<std::int64_t>(dtype);
    return {out.sum, out.normed};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto dtype = static_cast<at::ScalarType>(context->saved_data["dtype"].toInt());
    if (!gradients[1].defined()) {
      const auto d_delta = gradients[0].defined() ? gradients[0].to(dtype) : Tensor();
      return {gradients[0], d_delta, Tensor(), Tensor(), Tensor()};
    }
    const auto out = norm_backward(saved, gradients[0], gradients[1], true, dtype);
    return {out.d_x, out.d_delta, out.d_weight, Tensor(), Tensor()};
  }
};

struct Activate : torch::autograd::Function<Activate> {
  static kernels::Activate block_of(const Tensor& x, Activation activation, bool gated, std::int64_t first,
                                    std::int64_t rows) {
    kernels::Activate activate;
    activate.rows = rows;
    activate.width = gated ? x.size(1) / 2 : x.size(1);
    activate.type = type_of(x.scalar_type());
    activate.curve = activation;
    activate.gated = gated;
    activate.x = row_of(x, first);
    return activate;
  }

  static Tensor forward(AutogradContext* context, const Tensor& x, Activation activation, bool gated) {
    auto y = at::empty({x.size(0), gated ? x.size(1) / 2 : x.size(1)}, x.options());
    each_block(x.size(0), [&](std::int64_t, std::int64_t first, std::int64_t rows) {
      auto activate = block_of(x, activation, gated, first, rows);
      activate.y = row_of(y, first);
      kernels::chosen().activate_forward(activate);
    });
    context->save_for_backward({x});
    context->saved_data["activation"] = static_cast<std::int64_t>(activation);
    context->saved_data["gated"] = gated;
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto x = context->get_saved_variables()[0];
    const auto activation = static_cast<Activation>(context->saved_data["activation"].toInt());
    const auto gated = context->saved_data["gated"].toBool();
    const auto d_y = gradients[0].contiguous();
    auto d_x = at::empty_like(x);
    each_block(x.size(0), [&](std::int64_t, std::int64_t first, std::int64_t rows) {
      auto activate = block_of(x, activation, gated, first, rows);
      activate.d_y = row_of(d_y, first);
      activate.d_x = row_of(d_x, first);
      kernels::chosen().activate_backward(activate);
    });
    return {d_x, Tensor(), Tensor()};
  }
};

}  // namespace

Tensor fused_norm(const Tensor& x, const Tensor& weight, const NormKind& kind) {
  return RowNorm::apply(x.contiguous(), weight, kind.epsilon, kind.dtype);
}

SumAndNorm fused_sum_norm(const Tensor& x, const Tensor& delta, const Tensor& weight, const NormKind& kind) {
  const auto both = SumNorm::apply(x.contiguous(), delta.to(kind.dtype).contiguous(), weight, kind.epsilon, kind.dtype);
  return {.sum = both[0], .normed = both[1]};
}

Tensor fused_activation(const Tensor& x, Activation activation, bool gated) {
  return Activate::apply(x.contiguous(), activation, gated);
}

}  // namespace touchstone
