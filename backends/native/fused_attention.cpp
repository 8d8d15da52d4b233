#include <torch/csrc/autograd/custom_function.h>

#include "backends/native/fused.hpp"
#include "backends/native/memory.hpp"
#include "backends/native/scale.hpp"
#include "harness/kernels/kernels.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

char* at_element(const Tensor& tensor, std::int64_t element) {
  return static_cast<char*>(tensor.data_ptr()) + element * static_cast<std::int64_t>(tensor.element_size());
}

/// Where the attention inputs of a document and key head lie.
struct Places {
  Tensor query_key_value;
  Tensor mixed;
  Tensor log_sum;  ///< [N, H] float32
  Tensor d_mixed{};
  Tensor d_query_key_value{};
};

class PackedAttention {
 public:
  PackedAttention(const AttentionPlan& plan, const Places& places) : plan_(plan), places_(places) {}

  void turn(const Tensor& wide, bool backwards) const {
    if (!plan_.tables.cos.defined()) return;
    const auto half = plan_.tables.cos.size(1);
    at::parallel_for(0, wide.size(0), 256, [&](std::int64_t begin, std::int64_t end) {
      kernels::Turn turn;
      turn.rows = end - begin;
      turn.heads = plan_.heads + plan_.key_heads;
      turn.head_dim = plan_.head_dim;
      turn.dims = 2 * half;
      turn.stride = stride();
      turn.type = type();
      turn.x = at_element(wide, begin * stride());
      turn.cos = plan_.tables.cos.const_data_ptr<float>() + begin * half;
      turn.sin = plan_.tables.sin.const_data_ptr<float>() + begin * half;
      turn.backwards = backwards;
      kernels::chosen().turn(turn);
    });
  }

  void run(void (*kernel)(const kernels::Attention&, void*)) const {
    const auto documents = static_cast<std::int64_t>(plan_.starts.size()) - 1;
    at::parallel_for(0, documents * plan_.key_heads, 1, [&](std::int64_t begin, std::int64_t end) {
      Memory scratch;
      for (auto job = begin; job < end; ++job) {
        const auto call = call_of(static_cast<std::size_t>(job / plan_.key_heads), job % plan_.key_heads);
        if (call.tokens == 0) continue;
        scratch.reserve(kernels::chosen().attention_scratch_bytes(call));
        kernel(call, scratch.data());
      }
    });
  }

 private:
  std::int64_t stride() const { return (plan_.heads + 2 * plan_.key_heads) * plan_.head_dim; }
  kernels::Type type() const {
    return places_.query_key_value.scalar_type() == at::kBFloat16 ? kernels::Type::bf16 : kernels::Type::f32;
  }

  kernels::Attention call_of(std::size_t document, std::int64_t key_head) const {
    const auto first = plan_.starts[document];
    const auto group = plan_.heads / plan_.key_heads;
    const auto query = first * stride() + key_head * group * plan_.head_dim;
    const auto key = first * stride() + (plan_.heads + key_head) * plan_.head_dim;
    const auto value = key + plan_.key_heads * plan_.head_dim;
    const auto out = (first * plan_.heads + key_head * group) * plan_.head_dim;
    kernels::Attention call;
    call.tokens = plan_.starts[document + 1] - first;
    call.heads = group;
    call.head_dim = plan_.head_dim;
    call.type = type();
    call.scale = kernel_scale(plan_.scale, plan_.head_dim);
    call.soft_cap = static_cast<float>(plan_.soft_cap);
    call.window = plan_.window;
    call.q = at_element(places_.query_key_value, query);
    call.k = at_element(places_.query_key_value, key);
    call.v = at_element(places_.query_key_value, value);
    call.stride = stride();
    call.out = at_element(places_.mixed, out);
    call.out_stride = plan_.heads * plan_.head_dim;
    call.log_sum = places_.log_sum.mutable_data_ptr<float>() + first * plan_.heads + key_head * group;
    call.log_sum_stride = plan_.heads;
    if (!places_.d_mixed.defined()) return call;
    call.d_out = at_element(places_.d_mixed, out);
    call.d_q = at_element(places_.d_query_key_value, query);
    call.d_k = at_element(places_.d_query_key_value, key);
    call.d_v = at_element(places_.d_query_key_value, value);
    return call;
  }

  const AttentionPlan& plan_;
  const Places& places_;
};

/// Causal attention within each document, with rotary positions.
struct Attend : torch::autograd::Function<Attend> {
  static Tensor forward(AutogradContext* context, const Tensor& query_key_value, const AttentionPlan* plan) {
    const auto tokens = query_key_value.size(0);
    const Places places{.query_key_value = query_key_value,
                        .mixed = at::empty({tokens, plan->heads * plan->head_dim}, query_key_value.options()),
                        .log_sum = at::empty({tokens, plan->heads}, query_key_value.options().dtype(at::kFloat))};
    const PackedAttention attention(*plan, places);
    attention.turn(query_key_value, false);
    attention.run(kernels::chosen().attention_forward);
    context->save_for_backward({query_key_value, places.mixed, places.log_sum, plan->tables.cos, plan->tables.sin});
    context->saved_data["starts"] = plan->starts;
    context->saved_data["heads"] = plan->heads;
    context->saved_data["key_heads"] = plan->key_heads;
    context->saved_data["head_dim"] = plan->head_dim;
    context->saved_data["scale"] = plan->scale;
    context->saved_data["soft_cap"] = plan->soft_cap;
    context->saved_data["window"] = plan->window;
    return places.mixed;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    AttentionPlan plan;
    plan.starts = context->saved_data["starts"].toIntVector();
    plan.tables = {.cos = saved[3], .sin = saved[4]};
    plan.heads = context->saved_data["heads"].toInt();
    plan.key_heads = context->saved_data["key_heads"].toInt();
    plan.head_dim = context->saved_data["head_dim"].toInt();
    plan.scale = context->saved_data["scale"].toDouble();
    plan.soft_cap = context->saved_data["soft_cap"].toDouble();
    plan.window = context->saved_data["window"].toInt();
    const Places places{.query_key_value = saved[0],
                        .mixed = saved[1],
                        .log_sum = saved[2],
                        .d_mixed = gradients[0].contiguous(),
                        .d_query_key_value = at::empty_like(saved[0])};
    const PackedAttention attention(plan, places);
    attention.run(kernels::chosen().attention_backward);
    attention.turn(places.d_query_key_value, true);
    return {places.d_query_key_value, Tensor()};
  }
};

}  // namespace

Tensor fused_attention(const Tensor& query_key_value, const AttentionPlan& plan) {
  return Attend::apply(query_key_value.contiguous(), &plan);
}

}  // namespace touchstone
