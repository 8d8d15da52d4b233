#include "trainers/adapters/lora.hpp"

#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <optional>
#include <set>

#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/seed.hpp"
#include "harness/base/text.hpp"
#include "harness/kernels/kernels.hpp"
#include "harness/model/adapter_config.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

constexpr const char* name_prefix = "base_model.model.";

/// x [N, in] times weight [out, in] transposed, rounded to the dtype of x; where LibTorch is slow at bfloat16, by
/// float32 products of the rounded factors.
Tensor product(const Tensor& x, const Tensor& weight) {
  const auto kind = x.scalar_type();
  if (kind != at::kBFloat16 || !x.is_cpu() || kernels::libraries_multiply_halves())
    return at::linear(x, weight.to(kind));
  return at::linear(x.to(at::kFloat), weight.to(kind).to(at::kFloat)).to(kind);
}

class LowRank : public Delta {
 public:
  LowRank(Tensor a, Tensor b, double scale) : a_(std::move(a)), b_(std::move(b)), scale_(scale) {
    a_.requires_grad_(true);
    b_.requires_grad_(true);
  }

  Tensor apply(const Tensor& x) const override { return product(product(x, a_), b_) * scale_; }

  Tensor dense() const override { return b_.to(at::kFloat).mm(a_.to(at::kFloat)) * scale_; }

  std::vector<std::pair<std::string, Tensor*>> parameters() override {
    return {{"lora_A.weight", &a_}, {"lora_B.weight", &b_}};
  }

 private:
  Tensor a_;  ///< [r, in]
  Tensor b_;  ///< [out, r]
  double scale_;
};

double scale_of(const LoraOptions& options) {
  const auto rank = static_cast<double>(options.rank);
  return options.alpha / (options.rank_stabilised ? std::sqrt(rank) : rank);
}

bool is_target(const std::string& module, const std::string& target) {
  return module == target || module.ends_with("." + target);
}

bool is_all_linear(const LoraOptions& options) {
  return options.target_modules == std::vector<std::string>{"all-linear"};
}

/// The linear maps that the options name; the head only when it is named.
std::map<std::string, Linear*> targets_of(Model& model, const LoraOptions& options) {
  const auto linears = model.linears();
  std::map<std::string, Linear*> chosen;
  if (is_all_linear(options)) {
    for (const auto& [module, linear] : linears) {
      if (linear != &model.head()) chosen.emplace(module, linear);
    }
    return chosen;
  }
  std::vector<std::string> known;
  for (const auto& [module, linear] : linears) known.push_back(module.substr(module.rfind('.') + 1));
  for (const auto& target : options.target_modules) {
    bool any = false;
    for (const auto& [module, linear] : linears) {
      if (!is_target(module, target)) continue;
      chosen.emplace(module, linear);
      any = true;
    }
    require(any, Fault::config, [&] { return "target_modules: " + unknown_name("module", target, known); });
  }
  return chosen;
}

void freeze(Model& model) {
  for (auto& [name, tensor] : model.parameters()) tensor->requires_grad_(false);
}

/// Lets the model know of a linear's new delta.
void add_delta(Linear& linear, Tensor a, Tensor b, double scale) {
  const auto device = linear.weight.device();
  linear.deltas.push_back(std::make_shared<LowRank>(a.to(device), b.to(device), scale));
}

}  // namespace

void attach_lora(Model& model, const LoraOptions& options, std::uint64_t seed) {
  const auto targets = targets_of(model, options);
  freeze(model);
  for (const auto& [module, linear] : targets) {
    const auto out = linear->weight.size(0);
    const auto in = linear->weight.size(1);
    auto generator = at::detail::createCPUGenerator(derive_seed(seed, "lora." + module));
    const double bound = 1.0 / std::sqrt(static_cast<double>(in));
    auto a = at::empty({options.rank, in}, at::kFloat).uniform_(-bound, bound, generator);
    add_delta(*linear, a, at::zeros({out, options.rank}, at::kFloat), scale_of(options));
  }
}

namespace {

/// peft writes 16, not 16.0.
Json whole_number(double value) {
  return value == std::floor(value) ? Json(static_cast<std::int64_t>(value)) : Json(value);
}

}  // namespace

AdapterFiles adapter_files(Model& model, const LoraOptions& options, const std::string& base_model) {
  AdapterFiles adapter;
  std::vector<std::string> modules;
  for (const auto& [module, linear] : model.linears()) {
    for (const auto& delta : linear->deltas) {
      for (const auto& [name, tensor] : delta->parameters()) {
        adapter.tensors[name_prefix + module + "." + name] = tensor->detach();
      }
    }
    if (!linear->deltas.empty() && is_all_linear(options)) modules.push_back(module.substr(module.rfind('.') + 1));
  }
  std::sort(modules.begin(), modules.end());
  modules.erase(std::unique(modules.begin(), modules.end()), modules.end());
  if (!is_all_linear(options)) modules = options.target_modules;
  const Json config = {{"base_model_name_or_path", base_model},
                       {"bias", "none"},
                       {"fan_in_fan_out", false},
                       {"inference_mode", true},
                       {"init_lora_weights", true},
                       {"lora_alpha", whole_number(options.alpha)},
                       {"lora_dropout", 0.0},
                       {"modules_to_save", nullptr},
                       {"peft_type", "LORA"},
                       {"r", options.rank},
                       {"target_modules", modules},
                       {"task_type", "CAUSAL_LM"},
                       {"use_dora", false},
                       {"use_rslora", options.rank_stabilised}};
  adapter.config = config.dump(2) + "\n";
  return adapter;
}

AdapterFiles read_adapter(const std::filesystem::path& folder, const Checkpoints& checkpoints) {
  AdapterFiles adapter;
  adapter.config = read_json(folder / "adapter_config.json").dump(2);
  adapter.tensors = checkpoints.read_tensors(folder / "adapter_model.safetensors");
  return adapter;
}

namespace {

LoraOptions read_adapter_config(const AdapterFiles& adapter, const std::string& where) {
  const Json config = parse_json(adapter.config, where);
  const auto refuse = [&](const std::string& key, const Json& found, const std::string& expected) {
    throw Error(Fault::checkpoint,
                where + ": key '" + key + "': found " + shown_json(found) + ", expected " + expected);
  };
  const auto value = [&](const std::string& key) { return config.contains(key) ? config[key] : Json(); };
  if (value("peft_type") != "LORA") refuse("peft_type", value("peft_type"), "\"LORA\"");
  check_adapter_config(config, where, {"r", "lora_alpha", "use_rslora"});
  LoraOptions options;
  if (!value("r").is_number_integer() || value("r") < 1) refuse("r", value("r"), "a whole number of at least 1");
  if (!value("lora_alpha").is_number()) refuse("lora_alpha", value("lora_alpha"), "a number");
  options.rank = value("r").get<std::int64_t>();
  options.alpha = value("lora_alpha").get<double>();
  options.rank_stabilised = value("use_rslora") == true;
  options.target_modules.clear();
  const auto targets = value("target_modules");
  if (targets.is_string()) options.target_modules.push_back(targets.get<std::string>());
  for (const auto& target : targets) {
    if (!target.is_string()) refuse("target_modules", targets, "a list of names");
    if (targets.is_array()) options.target_modules.push_back(target.get<std::string>());
  }
  return options;
}

}  // namespace

LoraOptions attach_adapter(Model& model, const AdapterFiles& adapter, const std::string& where) {
  const auto options = read_adapter_config(adapter, where);
  freeze(model);
  auto left = adapter.tensors;
  const auto take = [&](const std::string& name, at::IntArrayRef shape) {
    const auto found = left.find(name);
    require(found->second.sizes() == shape, Fault::checkpoint, [&] {
      return where + ": tensor '" + name + "': found shape " + c10::str(found->second.sizes()) + ", expected " +
             c10::str(shape);
    });
    auto tensor = found->second.to(at::kFloat).clone();
    left.erase(found);
    return tensor;
  };
  for (const auto& [module, linear] : model.linears()) {
    const auto a = name_prefix + module + ".lora_A.weight";
    const auto b = name_prefix + module + ".lora_B.weight";
    if (left.count(a) == 0 || left.count(b) == 0) continue;
    add_delta(*linear, take(a, {options.rank, linear->weight.size(1)}), take(b, {linear->weight.size(0), options.rank}),
              scale_of(options));
  }
  require(left.empty(), Fault::checkpoint,
          [&] { return where + ": tensor '" + left.begin()->first + "' belongs to no linear map of this model"; });
  return options;
}

void fold_deltas(Model& model) {
  const at::NoGradGuard no_grad;
  for (const auto& [module, linear] : model.linears()) {
    for (const auto& delta : linear->deltas) {
      linear->weight.copy_(linear->weight.to(at::kFloat) + delta->dense());
    }
    linear->deltas.clear();
  }
}

std::vector<std::pair<std::string, Tensor*>> trainable_parameters(Model& model,
                                                                  const std::vector<std::string>& modules) {
  const bool whole = modules == std::vector<std::string>{"all"};
  std::vector<std::pair<std::string, Tensor*>> all;
  for (const auto& [module, linear] : model.linears()) {
    for (const auto& delta : linear->deltas) {
      for (const auto& [name, tensor] : delta->parameters())
        all.emplace_back(name_prefix + module + "." + name, tensor);
    }
  }
  require(all.empty() || whole, Fault::config, [] {
    return std::string(
        "trained_modules beside an adapter: name the modules in the target_modules of the stage 'adapt', expected "
        "[\"all\"] here");
  });
  if (!all.empty()) return all;
  std::vector<std::string> known;
  std::set<std::string> met;
  for (const auto& [name, tensor] : model.parameters()) {
    const auto module = name.substr(0, name.rfind('.'));
    known.push_back(module.substr(module.rfind('.') + 1));
    bool wanted = whole;
    for (const auto& target : modules) {
      if (!is_target(module, target)) continue;
      wanted = true;
      met.insert(target);
    }
    if (wanted) all.emplace_back(name, tensor);
  }
  for (const auto& target : modules) {
    require(whole || met.count(target) != 0, Fault::config,
            [&] { return "trained_modules: " + unknown_name("module", target, known); });
  }
  return all;
}

}  // namespace touchstone
