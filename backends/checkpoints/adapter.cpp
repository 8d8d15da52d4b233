#include "backends/checkpoints/adapter.hpp"

#include <cmath>

#include "backends/checkpoints/config.hpp"
#include "backends/checkpoints/safetensors.hpp"
#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/text.hpp"
#include "harness/model/adapter_config.hpp"
#include "harness/model/ops.hpp"
#include "harness/model/soft_prompt.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "base_model.model.";
constexpr std::string_view down_suffix = ".lora_A.weight";
constexpr std::string_view up_suffix = ".lora_B.weight";
constexpr std::string_view magnitude_suffix = ".lora_magnitude_vector";
constexpr std::string_view older_magnitude_suffix = ".lora_magnitude_vector.weight";
constexpr std::string_view factor_suffix = ".ia3_l";

/// Removes `suffix` where the name ends in it.
bool cut_suffix(std::string_view& name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return false;
  name.remove_suffix(suffix.size());
  return true;
}

Json read_adapter_config(const fs::path& folder) {
  try {
    return read_json(folder / adapter_config_file);
  } catch (const Error& error) {
    throw Error(Fault::checkpoint, error.what());
  }
}

/// A per-module value from a pattern dictionary: the first key wins that equals the end of the module's name after a
/// dot. peft takes the keys as regular expressions; those that are more than a name are refused.
double patterned(const Json& config, const ConfigReader& reader, const std::string& key, const std::string& module,
                 double fallback) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return fallback;
  if (!found->is_object()) reader.wrong(key, *found, "an object of a number for each module");
  for (const auto& item : found->items()) {
    if (!item.value().is_number())
      reader.refuse("key '" + key + "." + item.key() + "': found " + shown_json(item.value()) + ", expected a number");
    if (item.key().find_first_of("*+?()[]{}|^$\\") != std::string::npos) {
      reader.refuse("key '" + key + "': found the regular expression '" + item.key() +
                    "', expected the name of a module");
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
  for (const auto& place : {folder / named, named}) {  // an absolute path is the same in both
    if (fs::is_directory(place) && !is_adapter(place)) return place;
  }
  config.refuse("key 'base_model_name_or_path': found '" + named.string() +
                "', expected a checkpoint folder on this machine");
}

Tensor read_soft_prompt(const fs::path& folder) {
  const auto config = read_adapter_config(folder);
  if (!config.is_object() || config.value("peft_type", Json()) != "PROMPT_TUNING") return {};
  const auto rows = read_prompt_config(config, (folder / adapter_config_file).string());
  const auto path = folder / adapter_weights_file;
  const auto refuse = [&](const std::string& found) {
    throw Error(Fault::checkpoint, path.string() + ": found " + found + ", expected one tensor, '" + soft_prompt_key +
                                       "', of " + std::to_string(rows) + " rows of finite numbers");
  };
  const SafetensorsFile file(path);
  const auto& tensors = file.header().tensors;
  if (tensors.size() != 1) refuse(std::to_string(tensors.size()) + " tensors");
  if (tensors.front().name != soft_prompt_key) refuse("tensor '" + tensors.front().name + "'");
  const auto prompt = file.tensor(tensors.front());
  if (prompt.dim() != 2 || prompt.size(0) != rows) refuse("the shape " + c10::str(prompt.sizes()));
  if (!prompt.is_floating_point() || !at::isfinite(prompt).all().item<bool>())
    refuse("values that are not finite numbers");
  return prompt.to(at::kFloat);
}

AdaptedWeights::AdaptedWeights(const Weights& base, const fs::path& folder) : base_(&base), folder_(folder) {
  read_tensors();
  read_config();
}

void AdaptedWeights::refuse_file(const std::string& message) const {
  throw Error(Fault::checkpoint, (folder_ / adapter_weights_file).string() + ": " + message);
}

void AdaptedWeights::refuse(const std::string& module, const std::string& message) const {
  refuse_file("module '" + module + "' " + message);
}

void AdaptedWeights::read_tensors() {
  const SafetensorsFile file(folder_ / adapter_weights_file);
  for (const auto& entry : file.header().tensors) {
    std::string_view name = entry.name;
    if (!name.starts_with(prefix))
      refuse_file("found tensor '" + entry.name + "', expected a name that begins with '" + std::string(prefix) + "'");
    name.remove_prefix(prefix.size());
    Tensor Change::*part = nullptr;
    if (cut_suffix(name, down_suffix))
      part = &Change::down;
    else if (cut_suffix(name, up_suffix))
      part = &Change::up;
    else if (cut_suffix(name, magnitude_suffix) || cut_suffix(name, older_magnitude_suffix))
      part = &Change::magnitude;
    else if (cut_suffix(name, factor_suffix))
      part = &Change::factor;
    if (part == nullptr) {
      refuse_file("found tensor '" + entry.name +
                  "', expected a name that ends in lora_A.weight, lora_B.weight, lora_magnitude_vector or ia3_l");
    }
    const auto tensor = file.tensor(entry);
    if (!tensor.is_floating_point())
      refuse_file("tensor '" + entry.name + "' has dtype " + entry.dtype + ", expected F32, BF16, F16 or F64");
    if (tensor.dim() != 2 && part != &Change::magnitude)
      refuse_file("tensor '" + entry.name + "' has shape " + c10::str(tensor.sizes()) + ", expected a matrix");
    if (!at::isfinite(tensor).all().item<bool>())
      refuse_file("tensor '" + entry.name + "' has values that are not finite numbers, expected none");
    changes_[std::string(name)].*part = tensor.to(at::kFloat);
  }
  if (changes_.empty()) refuse_file("found no tensor, expected those of an adapter");
}

void AdaptedWeights::read_config() {
  const auto json = read_adapter_config(folder_);
  const ConfigReader config(json, (folder_ / adapter_config_file).string());
  const auto kind = config.text("peft_type");
  if (kind == "LORA") {
    check_adapter_config(json, config.where(),
                         {"r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern", "use_dora"});
    read_scalings(json, config);
  } else if (kind == "IA3") {
    check_adapter_config(json, config.where() + " (IA3)", {});
    for (const auto& [module, change] : changes_) {
      if (!change.factor.defined() || change.down.defined() || change.up.defined() || change.magnitude.defined()) {
        refuse(module, "has tensors of another kind of adapter, expected ia3_l alone, as adapter_config.json says IA3");
      }
    }
  } else {
    config.refuse("key 'peft_type': found '" + kind + "', expected LORA, IA3 or PROMPT_TUNING");
  }
}

void AdaptedWeights::read_scalings(const nlohmann::ordered_json& json, const ConfigReader& config) {
  const auto rank = config.integer("r", 1, 1 << 16);
  const auto alpha = config.number("lora_alpha", 0, 1e9);
  const auto root = config.flag("use_rslora", false);
  const auto dora = config.flag("use_dora", false);
  for (auto& [module, change] : changes_) {
    if (change.factor.defined()) refuse(module, "has an ia3_l, expected none, as adapter_config.json says LORA");
    if (!change.down.defined() || !change.up.defined())
      refuse(module, change.down.defined() ? "has a lora_A and no lora_B, expected both"
                                           : "has no lora_A, expected lora_A and lora_B");
    if (change.magnitude.defined() != dora) {
      refuse(module, dora ? "has no lora_magnitude_vector, expected one, as use_dora is true"
                          : "has a lora_magnitude_vector, expected none, as use_dora is false");
    }
    const auto width = static_cast<double>(change.down.size(0));
    if (change.up.size(1) != change.down.size(0)) {
      refuse(module, "has a lora_A of rank " + std::to_string(change.down.size(0)) + " and a lora_B of rank " +
                         std::to_string(change.up.size(1)) + ", expected equal ranks");
    }
    const auto wanted =
        static_cast<std::int64_t>(patterned(json, config, "rank_pattern", module, static_cast<double>(rank)));
    if (change.down.size(0) != wanted) {
      refuse(module, "has rank " + std::to_string(change.down.size(0)) + ", expected " + std::to_string(wanted) +
                         " by r and rank_pattern of adapter_config.json");
    }
    change.scaling = patterned(json, config, "alpha_pattern", module, alpha) / (root ? std::sqrt(width) : width);
  }
}

Tensor AdaptedWeights::changed(const std::string& module, const Change& change, const Tensor& weight) const {
  const auto out = weight.size(0);
  const auto in = weight.size(1);
  if (change.factor.defined()) {
    const bool rows = change.factor.size(0) == out && change.factor.size(1) == 1;
    if (!rows && !(change.factor.size(0) == 1 && change.factor.size(1) == in)) {
      refuse(module, "has an ia3_l of shape " + c10::str(change.factor.sizes()) +
                         ", which does not fit the base model's weight of shape " + c10::str(weight.sizes()));
    }
    return weight * change.factor;
  }
  if (change.up.size(0) != out || change.down.size(1) != in) {
    refuse(module, "changes a weight of shape [" + std::to_string(change.up.size(0)) + ", " +
                       std::to_string(change.down.size(1)) + "], but that of the base model has shape " +
                       c10::str(weight.sizes()));
  }
  auto sum = weight + at::mm(change.up, change.down) * change.scaling;
  if (!change.magnitude.defined()) return sum;
  if (change.magnitude.numel() != out) {
    refuse(module, "has a lora_magnitude_vector of " + std::to_string(change.magnitude.numel()) +
                       " numbers, expected " + std::to_string(out));
  }
  return sum * (change.magnitude.reshape({out}) / at::linalg_vector_norm(sum, 2, {1})).unsqueeze(1);
}

Tensor AdaptedWeights::get(const std::string& name, at::IntArrayRef shape, const LoadSettings& settings) const {
  const auto dot = name.rfind('.');
  const auto found = dot == std::string::npos ? changes_.end() : changes_.find(name.substr(0, dot));
  if (found == changes_.end()) return base_->get(name, shape, settings);
  const auto& change = found->second;
  const bool weight = name.substr(dot) == ".weight";
  // A factor of a map's output scales its bias, too; all else changes only the matrix.
  const bool bias = name.substr(dot) == ".bias" && change.factor.defined() && change.factor.size(1) == 1;
  if (!weight && !bias) return base_->get(name, shape, settings);
  if (weight && shape.size() != 2) refuse(found->first, "is not a linear map of the base model");
  auto wide = settings;
  wide.storage = at::kFloat;
  wide.device = at::kCPU;
  auto whole = base_->get(name, shape, wide);
  if (bias && change.factor.size(0) != whole.size(0))
    refuse(found->first, "has an ia3_l of " + std::to_string(change.factor.size(0)) + " rows, expected " +
                             std::to_string(whole.size(0)) + ", as the bias has");
  whole = weight ? changed(found->first, change, whole) : whole * change.factor.flatten();
  if (weight) change.read = true;
  return whole.to(settings.device, settings.storage);
}

void AdaptedWeights::refuse_unread() const {
  for (const auto& [module, change] : changes_) {
    if (!change.read) refuse(module, "is not a linear map of the base model");
  }
}

}  // namespace touchstone
