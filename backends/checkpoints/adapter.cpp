#include "backends/checkpoints/adapter.hpp"

#include <cmath>

#include "backends/checkpoints/config.hpp"
#include "backends/checkpoints/safetensors.hpp"
#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/text.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "base_model.model.";

Json read_adapter_config(const fs::path& folder) {
  try {
    return read_json(folder / adapter_config_file);
  } catch (const Error& error) {
    throw Error(Fault::checkpoint, error.what());
  }
}

/// One adapted module.
struct Pair {
  Tensor down;  ///< lora_A [r, in]
  Tensor up;    ///< lora_B [out, r]
};

/// The pairs by module name ("model.layers.0.self_attn.q_proj").
std::map<std::string, Pair> read_pairs(const fs::path& path) {
  const SafetensorsFile file(path);
  std::map<std::string, Pair> pairs;
  for (const auto& entry : file.header().tensors) {
    const auto refuse = [&](const std::string& message) {
      throw Error(Fault::checkpoint, path.string() + ": tensor '" + entry.name + "' " + message);
    };
    std::string_view name = entry.name;
    if (!name.starts_with(prefix)) refuse("does not begin with '" + std::string(prefix) + "'");
    name.remove_prefix(prefix.size());
    const bool down = name.ends_with(".lora_A.weight");
    if (!down && !name.ends_with(".lora_B.weight"))
      refuse("is neither lora_A.weight nor lora_B.weight of a linear map");
    name.remove_suffix(std::string_view(".lora_A.weight").size());
    auto tensor = file.tensor(entry);
    if (tensor.dim() != 2 || !tensor.is_floating_point()) refuse("is not a matrix of floats");
    if (!at::isfinite(tensor).all().item<bool>()) refuse("has values that are not finite numbers");
    auto& pair = pairs[std::string(name)];
    (down ? pair.down : pair.up) = tensor.to(at::kFloat);
  }
  if (pairs.empty()) throw Error(Fault::checkpoint, path.string() + ": holds no lora_A and lora_B tensors");
  return pairs;
}

/// Options of peft that change what the two matrices mean.
void refuse_unknown_options(const ConfigReader& config) {
  if (const auto kind = config.text("peft_type"); kind != "LORA") {
    config.refuse("peft_type is '" + kind + "', expected LORA");
  }
  for (const auto* key : {"use_dora", "fan_in_fan_out", "lora_bias"}) {
    if (config.flag(key, false)) config.refuse(std::string(key) + " is true, which is not known here, expected false");
  }
  if (const auto bias = config.text("bias", "none"); bias != "none") {
    config.refuse("bias is '" + bias + "', expected none");
  }
  if (!config.texts("modules_to_save").empty()) config.refuse("modules_to_save is set, expected none");
}

/// A per-module value from a pattern dictionary: the first key that ends the module's name at a dot wins. peft takes
/// the keys as regular expressions; those that are more than a name are refused.
double patterned(const Json& config, const ConfigReader& reader, const std::string& key, const std::string& module,
                 double fallback) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return fallback;
  if (!found->is_object()) reader.refuse(key + " is not an object");
  for (const auto& item : found->items()) {
    if (!item.value().is_number()) reader.refuse(key + " '" + item.key() + "' is not a number");
    if (item.key().find_first_of("*+?()[]{}|^$\\") != std::string::npos) {
      reader.refuse(key + " '" + item.key() + "' is a regular expression, expected the name of a module");
    }
    if (module == item.key() || module.ends_with("." + item.key())) return item.value().get<double>();
  }
  return fallback;
}

}  // namespace

bool is_adapter(const fs::path& folder) {
  return fs::exists(folder / adapter_config_file) && !fs::exists(folder / "config.json");
}

fs::path adapter_base(const fs::path& folder) {
  const auto json = read_adapter_config(folder);
  const ConfigReader config(json, (folder / adapter_config_file).string());
  const fs::path named = config.text("base_model_name_or_path");
  for (const auto& place : {named, folder / named}) {
    if (fs::is_directory(place) && !is_adapter(place)) return place;
  }
  config.refuse("base_model_name_or_path is '" + named.string() + "', expected a checkpoint folder on this machine");
}

void merge_adapter(const fs::path& folder, Model& model) {
  const auto json = read_adapter_config(folder);
  const ConfigReader config(json, (folder / adapter_config_file).string());
  refuse_unknown_options(config);
  const auto rank = config.integer("r", 1, 1 << 16);
  const auto alpha = config.number("lora_alpha", 0, 1e9);
  const auto root = config.flag("use_rslora", false);
  const auto path = folder / adapter_weights_file;
  const auto linears = model.linears();
  for (const auto& [module, pair] : read_pairs(path)) {
    const auto refuse = [&, where = path.string() + ": module '" + module + "' "](const std::string& message) {
      throw Error(Fault::checkpoint, where + message);
    };
    const auto found = linears.find(module);
    if (found == linears.end()) refuse("is not a linear map of the base model");
    if (!pair.down.defined() || !pair.up.defined()) refuse("has only one of lora_A and lora_B");
    auto& weight = found->second->weight;
    const auto width = pair.down.size(0);
    if (pair.up.size(1) != width || pair.up.size(0) != weight.size(0) || pair.down.size(1) != weight.size(1)) {
      refuse("has matrices that do not fit the base's weight");
    }
    if (static_cast<double>(width) != patterned(json, config, "rank_pattern", module, static_cast<double>(rank))) {
      refuse("has rank " + std::to_string(width) + ", adapter_config.json says r " + std::to_string(rank));
    }
    const auto own_alpha = patterned(json, config, "alpha_pattern", module, alpha);
    const auto scaling = own_alpha / (root ? std::sqrt(static_cast<double>(width)) : static_cast<double>(width));
    const auto change = at::mm(pair.up, pair.down) * scaling;
    weight = (weight.to(at::kFloat) + change.to(weight.device())).to(weight.scalar_type());
  }
}

}  // namespace touchstone
