#include <algorithm>

#include "harness/base/json.hpp"
#include "harness/model/adapter_config.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/deltas/changes.hpp"
#include "trainers/deltas/low_rank.hpp"

namespace touchstone {
namespace {

/// peft's IA3Config, as far as we offer it.
struct Ia3Options {
  std::vector<std::string> target_modules;
  std::vector<std::string> feedforward_modules;  ///< their inputs are scaled; of other modules, the outputs
};

/// One factor for each output of a map, [out, 1], or each input, [1, in]; all begin as one.
class Ia3 final : public Delta {
 public:
  Ia3(const Linear& map, bool inputs) : inputs_(inputs) {
    const auto shape =
        inputs ? std::vector<std::int64_t>{1, map.weight.size(1)} : std::vector<std::int64_t>{map.weight.size(0), 1};
    factors_ = at::ones(shape, at::device(map.weight.device()).dtype(at::kFloat)).requires_grad_(true);
  }

  Tensor apply(const Tensor& x, const Tensor& product, const Linear& map) const override {
    if (inputs_) return rounded_product((x * (factors_ - 1.0)).to(x.scalar_type()), map.weight);
    const auto output = map.bias.defined() ? product + map.bias : product;
    return output * (factors_ - 1.0).view({1, -1});
  }

  Tensor dense(const Linear& map) const override { return map.weight.to(at::kFloat) * (factors_ - 1.0); }

  Tensor dense_bias(const Linear& map) const override {
    if (inputs_ || !map.bias.defined()) return {};
    return map.bias.to(at::kFloat) * (factors_ - 1.0).flatten();
  }

  std::vector<std::pair<std::string, Tensor*>> parameters() override { return {{"ia3_l", &factors_}}; }

 private:
  bool inputs_;
  Tensor factors_;
};

/// "Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning", arXiv 2205.05638, section
/// 3.3; names and places as peft has them.
Adapter ia3_adapter(const Ia3Options& options) {
  const auto make = [options](const std::string& module, const Linear& map, std::uint64_t) {
    return std::make_shared<Ia3>(map, is_any_of(module, options.feedforward_modules));
  };
  return delta_adapter(options.target_modules, make,
                       {{"base_model_name_or_path", nullptr},
                        {"fan_in_fan_out", false},
                        {"feedforward_modules", options.feedforward_modules},
                        {"inference_mode", true},
                        {"init_ia3_weights", true},
                        {"modules_to_save", nullptr},
                        {"peft_type", "IA3"},
                        {"target_modules", nullptr},
                        {"task_type", "CAUSAL_LM"}});
}

Adapter make_ia3(Options& options) {
  Ia3Options ia3;
  ia3.target_modules = read_target_modules(options, {"k_proj", "v_proj", "down_proj"});
  ia3.feedforward_modules =
      options.texts("feedforward_modules", "target_modules whose inputs are scaled instead of their outputs",
                    std::vector<std::string>{"down_proj"});
  const auto& targets = ia3.target_modules;
  const auto is_target = [&](const std::string& module) {
    return targets == std::vector<std::string>{"all-linear"} ||
           std::find(targets.begin(), targets.end(), module) != targets.end();
  };
  if (!options.has("feedforward_modules")) {
    std::erase_if(ia3.feedforward_modules, [&](const std::string& module) { return !is_target(module); });
  }
  for (const auto& module : ia3.feedforward_modules) {
    require(is_target(module), Fault::config, [&] {
      return options.where() + ": key 'feedforward_modules': found '" + module + "', expected one of target_modules";
    });
  }
  return ia3_adapter(ia3);
}

std::optional<Adapter> read_ia3(const Json& config, const std::string& where) {
  if (config.value("peft_type", Json()) != "IA3") return std::nullopt;
  check_adapter_config(config, where, {});
  Ia3Options ia3{.target_modules = target_modules_of(config, where), .feedforward_modules = {}};
  const auto feed = config.value("feedforward_modules", Json());
  for (const auto& module : feed.is_string() ? Json::array({feed}) : feed) {
    if (!module.is_string()) refuse_key(config, where, "feedforward_modules", "a list of names");
    ia3.feedforward_modules.push_back(module.get<std::string>());
  }
  return ia3_adapter(ia3);
}

}  // namespace

namespace plugins {
void ia3(TrainerBook& book) {
  book.adapters.add("ia3", {.summary = "a factor for each output of keys and values and each input of the feed-forward "
                                       "part's last map (IA3, arXiv 2205.05638)",
                            .make = make_ia3,
                            .read = read_ia3});
}
}  // namespace plugins
}  // namespace touchstone
