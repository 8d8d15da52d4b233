#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "harness/base/options.hpp"
#include "trainers/deltas/changes.hpp"

namespace touchstone {

/// peft's LoraConfig, as far as we offer it.
struct LowRankOptions {
  std::int64_t rank = 8;
  double alpha = 16.0;
  bool rank_stabilised = false;  ///< scale by alpha / sqrt(r) (arXiv 2312.03732) instead of alpha / r
  std::vector<std::string> target_modules = {"all-linear"};
};

/// Reads r, lora_alpha, use_rslora and target_modules.
LowRankOptions read_low_rank(Options& options);

/// The same of a written adapter_config.json. Throws Fault::checkpoint naming the key.
LowRankOptions low_rank_of(const nlohmann::ordered_json& config, const std::string& where);

/// Whether an adapter_config.json is peft's LoRA, with or without magnitudes (DoRA).
bool is_low_rank(const nlohmann::ordered_json& config, bool use_dora);

/// B A x s, s = alpha / r (LoRA, arXiv 2106.09685, section 4.1), or alpha / sqrt(r).
struct LowRank {
  Tensor a;  ///< [r, in] float32
  Tensor b;  ///< [out, r] float32
  double scale = 1.0;

  Tensor apply(const Tensor& x) const;  ///< [N, in] to [N, out]
  Tensor dense() const;                 ///< [out, in] float32
};

/// A uniform in +-1/sqrt(in), as peft draws it, from a generator of the module; B zero. Both are leaves that are
/// trained, on the map's device.
LowRank begin_low_rank(const LowRankOptions& options, const std::string& module, const Linear& map, std::uint64_t seed);

/// An adapter of these options with the deltas that `make` gives; `use_dora` is written into its config.
Adapter low_rank_adapter(const LowRankOptions& options, const MakeDelta& make, bool use_dora);

/// x [N, in] times weight [out, in] transposed, rounded to the dtype of x; where LibTorch is slow at bfloat16, computed
/// as float32 products of the rounded factors.
Tensor rounded_product(const Tensor& x, const Tensor& weight);

}  // namespace touchstone
