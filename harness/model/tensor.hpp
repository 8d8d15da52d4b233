#pragma once
// For headers that name a tensor.
#include <ATen/core/Tensor.h>

namespace touchstone {
using at::Tensor;
}
