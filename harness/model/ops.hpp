#pragma once
// For sources that compute with tensors; the precompiled header of the tensor targets.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include "harness/model/tensor.hpp"
