#pragma once
// The functions that the build for each instruction set defines, in a namespace named after the set.
#include "harness/kernels/kernels.hpp"

#if !defined(TOUCHSTONE_ISA)
#error "kernel sources are built through touchstone_kernels in cmake/kernels.cmake"
#endif

namespace touchstone::kernels::TOUCHSTONE_ISA {

extern const std::int64_t whole_depth;
extern const std::int64_t product_scratch_bytes;
void multiply(const Product& product, void* scratch);
void norm_forward(const NormForward& norm);
void norm_backward(const NormBackward& norm);
void activate_forward(const Activate& activate);
void activate_backward(const Activate& activate);
void turn(const Turn& turn);
std::int64_t attention_scratch_bytes(const Attention& attention);
void attention_forward(const Attention& attention, void* scratch);
void attention_backward(const Attention& attention, void* scratch);
void cross_entropy(const CrossEntropy& loss);
void adam_step(const AdamStep& step);
std::int64_t packed_bytes(const Product& product);
void pack_factors(const Product& product, void* packed);
void multiply_packed(const Product& product, const void* packed, void* scratch);
std::int64_t key_page_bytes(std::int64_t head_dim, Type factors);
std::int64_t value_page_bytes(std::int64_t head_dim, Type factors);
void page_append(const PageAppend& append);
void page_keep(const PageKeep& keep);
std::int64_t paged_scratch_bytes(const PagedAttention& attention);
void paged_attention(const PagedAttention& attention, void* scratch);

}  // namespace touchstone::kernels::TOUCHSTONE_ISA
