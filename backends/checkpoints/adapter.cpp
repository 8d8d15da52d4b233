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
constexpr std::string_view down_suffix = ".lora_A.weight";
constexpr std::string_view up_suffix = ".lora_B.weight";

Json read_adapter_config(const fs::path& folder) {
  try {
    return read_json(folder / adapter_config_file);
  } catch (const Error& error) {
    throw Error(Fault::checkpoint, error.what());
  }
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

AdaptedWeights::AdaptedWeights(const Weights& base, const fs::path& folder) : base_(&base), folder_(folder) {
  read_tensors();
  read_scalings();
}

void AdaptedWeights::refuse(const std::string& module, const std::string& message) const {
  throw Error(Fault::checkpoint, (folder_ / adapter_weights_file).string() + ": module '" + module + "' " + message);
}

void AdaptedWeights::read_tensors() {
  const SafetensorsFile file(folder_ / adapter_weights_file);
  for (const auto& entry : file.header().tensors) {
    std::string_view name = entry.name;
    if (!name.starts_with(prefix)) refuse(entry.name, "does not begin with '" + std::string(prefix) + "'");
    name.remove_prefix(prefix.size());
    const bool down = name.ends_with(down_suffix);
    if (!down && !name.ends_with(up_suffix)) {
      refuse(entry.name, "is neither lora_A.weight nor lora_B.weight of a linear map");
    }
    name.remove_suffix(down_suffix.size());
    const auto tensor = file.tensor(entry);
    if (tensor.dim() != 2 || !tensor.is_floating_point()) refuse(entry.name, "is not a matrix of floats");
    if (!at::isfinite(tensor).all().item<bool>()) refuse(entry.name, "has values that are not finite numbers");
    auto& change = changes_[std::string(name)];
    (down ? change.down : change.up) = tensor.to(at::kFloat);
  }
  if (changes_.empty()) refuse("", "is missing: the file holds no lora_A and lora_B tensors");
}

void AdaptedWeights::read_scalings() {
  const auto json = read_adapter_config(folder_);
  const ConfigReader config(json, (folder_ / adapter_config_file).string());
  refuse_unknown_options(config);
  const auto rank = config.integer("r", 1, 1 << 16);
  const auto alpha = config.number("lora_alpha", 0, 1e9);
  const auto root = config.flag("use_rslora", false);
  for (auto& [module, change] : changes_) {
    if (!change.down.defined() || !change.up.defined()) refuse(module, "has only one of lora_A and lora_B");
    const auto width = static_cast<double>(change.down.size(0));
    if (change.up.size(1) != change.down.size(0)) {
      refuse(module, "has a lora_A of rank " + std::to_string(change.down.size(0)) + " and a lora_B of rank " +
                         std::to_string(change.up.size(1)) + ", expected one rank");
    }
    if (width != patterned(json, config, "rank_pattern", module, static_cast<double>(rank))) {
      refuse(module, "has rank " + std::to_string(change.down.size(0)) + ", adapter_config.json says r " +
                         std::to_string(rank));
    }
    change.scaling = patterned(json, config, "alpha_pattern", module, alpha) / (root ? std::sqrt(width) : width);
  }
}

Tensor AdaptedWeights::get(const std::string& name, at::IntArrayRef shape, const LoadSettings& settings) const {
  constexpr std::string_view suffix = ".weight";
  const auto found =
      name.ends_with(suffix) ? changes_.find(name.substr(0, name.size() - suffix.size())) : changes_.end();
  if (found == changes_.end()) return base_->get(name, shape, settings);
  const auto& change = found->second;
  if (shape.size() != 2 || change.up.size(0) != shape[0] || change.down.size(1) != shape[1]) {
    refuse(found->first, "changes a matrix of " + std::to_string(change.up.size(0)) + " by " +
                             std::to_string(change.down.size(1)) + ", the base's is " + c10::str(shape));
  }
  change.read = true;
  auto wide = settings;
  wide.storage = at::kFloat;
  wide.device = at::kCPU;
  const auto whole = base_->get(name, shape, wide) + at::mm(change.up, change.down) * change.scaling;
  return whole.to(settings.device, settings.storage);
}

void AdaptedWeights::refuse_unread() const {
  for (const auto& [module, change] : changes_) {
    if (!change.read) refuse(module, "is not a linear map of the base model");
  }
}

}  // namespace touchstone
