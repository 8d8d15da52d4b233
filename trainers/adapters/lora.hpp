#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "harness/model/model.hpp"
#include "harness/train/session.hpp"

namespace touchstone {

/// peft's LoraConfig, as far as we offer it.
struct LoraOptions {
  std::int64_t rank = 8;
  double alpha = 16.0;
  bool rank_stabilised = false;  ///< scale by alpha / sqrt(r) (arXiv 2312.03732) instead of alpha / r
  /// "all-linear", or ends of module names: "q_proj".
  std::vector<std::string> target_modules = {"all-linear"};
};

/// Adds B A x alpha / r (LoRA, arXiv 2106.09685, section 4.1) to the linear maps that are named, and freezes all
/// weights of the model. A [r, in] is uniform in +-1/sqrt(in), as peft draws it, from a generator a module; B [out, r]
/// is zero. Throws Fault::config naming a target that fits no module.
void attach_lora(Model& model, const LoraOptions& options, std::uint64_t seed);

/// The same with the values of an adapter that peft or `adapter_files` wrote. Throws Fault::checkpoint naming the key
/// or tensor that is missing, unknown, or of another shape.
LoraOptions attach_adapter(Model& model, const AdapterFiles& adapter, const std::string& where);

/// The adapter of a model in peft's names and layout. The tensors share the model's storage.
AdapterFiles adapter_files(Model& model, const LoraOptions& options, const std::string& base_model);

/// Reads adapter_config.json and adapter_model.safetensors.
AdapterFiles read_adapter(const std::filesystem::path& folder, const Checkpoints& checkpoints);

/// Adds every delta to its weight in float32, and takes the deltas away.
void fold_deltas(Model& model);

/// What training changes: the deltas' parameters under peft's names where there are deltas, otherwise the weights of
/// modules with names that end so ("q_proj", "self_attn.q_proj"; "all" alone: every weight). Throws Fault::config for a
/// name that fits no module, and for names where there are deltas, which have said already what they change.
std::vector<std::pair<std::string, Tensor*>> trainable_parameters(Model& model,
                                                                  const std::vector<std::string>& modules = {"all"});

}  // namespace touchstone
