#pragma once
#include <string>
#include <utility>
#include <vector>

#include "harness/model/model.hpp"

namespace touchstone {

/// What peft writes before the name of a module that its adapter changes.
inline const std::string peft_prefix = "base_model.model.";

/// No weight of the model has a gradient.
void freeze(Model& model);

/// The parameters of all deltas under peft's names.
std::vector<std::pair<std::string, Tensor*>> delta_parameters(Model& model);

/// The parameters that training changes: the deltas' where there are deltas, otherwise the weights of modules with
/// these name endings ("q_proj", "self_attn.q_proj"; "all" alone: every weight). Throws Fault::config for a name that
/// fits no module, and for names where there are deltas, since the adapter has chosen its modules already.
std::vector<std::pair<std::string, Tensor*>> trainable_parameters(Model& model,
                                                                  const std::vector<std::string>& modules = {"all"});

}  // namespace touchstone
