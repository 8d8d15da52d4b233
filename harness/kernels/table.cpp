// The table of one instruction set, with the functions compiled for it.
#include "harness/kernels/entries.hpp"

#define TOUCHSTONE_TEXT(name) #name
#define TOUCHSTONE_NAME(name) TOUCHSTONE_TEXT(name)

namespace touchstone::kernels::TOUCHSTONE_ISA {

/// A function, not a constant: constants of the other files may not be initialised yet when it is built.
Kernels table() {
  return {TOUCHSTONE_NAME(TOUCHSTONE_ISA),
          whole_depth,
          product_scratch_bytes,
          multiply,
          norm_forward,
          norm_backward,
          activate_forward,
          activate_backward,
          turn,
          attention_scratch_bytes,
          attention_forward,
          attention_backward,
          cross_entropy,
          adam_step,
          packed_bytes,
          pack_factors,
          multiply_packed,
          key_page_bytes,
          value_page_bytes,
          page_append,
          page_keep,
          paged_scratch_bytes,
          paged_attention};
}

}  // namespace touchstone::kernels::TOUCHSTONE_ISA
