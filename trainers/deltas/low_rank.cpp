#include "trainers/deltas/low_rank.hpp"

#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

#include "harness/base/json.hpp"
#include "harness/base/seed.hpp"
#include "harness/kernels/kernels.hpp"
#include "harness/model/adapter_config.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/session.hpp"

namespace touchstone {
namespace {

/// peft writes 16, not 16.0.
Json short_number(double value) {
  return value == std::floor(value) ? Json(static_cast<std::int64_t>(value)) : Json(value);
}

}  // namespace

LowRankOptions read_low_rank(Options& options) {
  LowRankOptions low;
  low.rank = options.integer("r", "rank of the change to each matrix", {.fallback = 8, .min = 1, .max = 65536});
  low.alpha = options.number("lora_alpha", "the change is scaled by lora_alpha / r",
                             {.fallback = 16.0, .min = 1e-6, .max = 1e6});
  low.rank_stabilised = options.flag("use_rslora", "scale by lora_alpha / sqrt(r) instead", false);
  low.target_modules = read_target_modules(options, {"all-linear"});
  return low;
}

LowRankOptions low_rank_of(const Json& config, const std::string& where) {
  check_adapter_config(config, where, {"r", "lora_alpha", "use_rslora", "use_dora"});
  const auto value = [&](const char* key) { return config.value(key, Json()); };
  LowRankOptions low;
  if (!value("r").is_number_integer() || value("r") < 1) refuse_key(config, where, "r", "a whole number of at least 1");
  if (!value("lora_alpha").is_number()) refuse_key(config, where, "lora_alpha", "a number");
  low.rank = value("r").get<std::int64_t>();
  low.alpha = value("lora_alpha").get<double>();
  low.rank_stabilised = value("use_rslora") == true;
  low.target_modules = target_modules_of(config, where);
  return low;
}

bool is_low_rank(const Json& config, bool use_dora) {
  return config.value("peft_type", Json()) == "LORA" && (config.value("use_dora", Json()) == true) == use_dora;
}

Tensor LowRank::apply(const Tensor& x) const { return rounded_product(rounded_product(x, a), b) * scale; }

Tensor LowRank::dense() const { return b.to(at::kFloat).mm(a.to(at::kFloat)) * scale; }

LowRank begin_low_rank(const LowRankOptions& options, const std::string& module, const Linear& map,
                       std::uint64_t seed) {
  const auto out = map.weight.size(0);
  const auto in = map.weight.size(1);
  const auto device = map.weight.device();
  auto generator = at::detail::createCPUGenerator(derive_seed(seed, "lora." + module));
  const double bound = 1.0 / std::sqrt(static_cast<double>(in));
  const auto rank = static_cast<double>(options.rank);
  LowRank low{.a = at::empty({options.rank, in}, at::kFloat).uniform_(-bound, bound, generator).to(device),
              .b = at::zeros({out, options.rank}, at::device(device).dtype(at::kFloat)),
              .scale = options.alpha / (options.rank_stabilised ? std::sqrt(rank) : rank)};
  low.a.requires_grad_(true);
  low.b.requires_grad_(true);
  return low;
}

Adapter low_rank_adapter(const LowRankOptions& options, const MakeDelta& make, bool use_dora) {
  return delta_adapter(options.target_modules, make,
                       {{"base_model_name_or_path", nullptr},
                        {"bias", "none"},
                        {"fan_in_fan_out", false},
                        {"inference_mode", true},
                        {"init_lora_weights", true},
                        {"lora_alpha", short_number(options.alpha)},
                        {"lora_dropout", 0.0},
                        {"modules_to_save", nullptr},
                        {"peft_type", "LORA"},
                        {"r", options.rank},
                        {"target_modules", nullptr},
                        {"task_type", "CAUSAL_LM"},
                        {"use_dora", use_dora},
                        {"use_rslora", options.rank_stabilised}});
}

Tensor rounded_product(const Tensor& x, const Tensor& weight) {
  const auto kind = x.scalar_type();
  if (kind != at::kBFloat16 || !x.is_cpu() || kernels::libraries_multiply_halves())
    return at::linear(x, weight.to(kind));
  return at::linear(x.to(at::kFloat), weight.to(kind).to(at::kFloat)).to(kind);
}

}  // namespace touchstone
