#pragma once
// Adapter folders as peft writes them: adapter_config.json and adapter_model.safetensors.
#include <filesystem>

#include "harness/model/model.hpp"

namespace touchstone {

inline constexpr const char* adapter_config_file = "adapter_config.json";
inline constexpr const char* adapter_weights_file = "adapter_model.safetensors";

/// Whether the folder is an adapter (it has an adapter_config.json and no config.json of its own).
bool is_adapter(const std::filesystem::path& folder);

/// The base's folder: adapter_config.json's base_model_name_or_path, absolute, beside the adapter, or from the current
/// folder. Throws Fault::checkpoint when no such folder is here.
std::filesystem::path adapter_base(const std::filesystem::path& folder);

/// Adds scaling * B A to the weights, in float32. Scaling is lora_alpha / r, or lora_alpha / sqrt(r) with use_rslora.
/// Throws Fault::checkpoint for a kind of adapter or an option that would change the numbers and is not known.
void merge_adapter(const std::filesystem::path& folder, Model& model);

}  // namespace touchstone
