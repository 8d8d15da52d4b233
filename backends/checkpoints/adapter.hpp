#pragma once
// Adapter folders as peft writes them: adapter_config.json and adapter_model.safetensors.
#include <filesystem>
#include <map>
#include <string>

#include "backends/checkpoints/config.hpp"
#include "harness/model/family.hpp"

namespace touchstone {

inline constexpr const char* adapter_config_file = "adapter_config.json";
inline constexpr const char* adapter_weights_file = "adapter_model.safetensors";

/// Whether the folder is an adapter (it has an adapter_config.json and no config.json of its own).
bool is_adapter(const std::filesystem::path& folder);

/// The base's folder: adapter_config.json's base_model_name_or_path, absolute, beside the adapter, or from the current
/// folder. Throws Fault::checkpoint when no such folder is here.
std::filesystem::path adapter_base(const std::filesystem::path& folder);

/// The soft prompt of an adapter folder of peft's kind PROMPT_TUNING, [P, D] float32; undefined for other kinds, which
/// AdaptedWeights reads. Throws Fault::checkpoint for a config or tensors that are not of that kind.
Tensor read_soft_prompt(const std::filesystem::path& folder);

/// The base's weights with the adapter's changes, in float32. LoRA: W + s B A, s = lora_alpha / r, or
/// lora_alpha / sqrt(r) with use_rslora (arXiv 2312.03732). With use_dora the rows are then scaled to the lengths in
/// lora_magnitude_vector (DoRA, arXiv 2402.09353, equation 5). IA3 (arXiv 2205.05638): each output, or in feedforward
/// modules each input, has its own factor.
class AdaptedWeights final : public Weights {
 public:
  /// Throws Fault::checkpoint for a kind of adapter or an option that would change the numbers and is not known.
  AdaptedWeights(const Weights& base, const std::filesystem::path& folder);

  bool has(const std::string& name) const override { return base_->has(name); }
  Tensor get(const std::string& name, at::IntArrayRef shape, const LoadSettings& settings) const override;
  std::vector<std::string> names() const override { return base_->names(); }
  /// Throws Fault::checkpoint when the adapter changes a module that was never read.
  void refuse_unread() const;

 private:
  struct Change {
    Tensor down;       ///< lora_A [r, in] float32
    Tensor up;         ///< lora_B [out, r] float32
    Tensor magnitude;  ///< lora_magnitude_vector [out] float32; undefined: rows keep their lengths
    Tensor factor;     ///< ia3_l [out, 1] or [1, in] float32; with it no other tensor
    double scaling = 0.0;
    mutable bool read = false;
  };
  void read_tensors();
  void read_config();
  void read_scalings(const nlohmann::ordered_json& json, const ConfigReader& config);
  Tensor changed(const std::string& module, const Change& change, const Tensor& weight) const;
  [[noreturn]] void refuse_file(const std::string& message) const;
  [[noreturn]] void refuse(const std::string& module, const std::string& message) const;

  const Weights* base_;
  std::filesystem::path folder_;
  std::map<std::string, Change> changes_;  ///< by module name ("model.layers.0.self_attn.q_proj")
};

}  // namespace touchstone
