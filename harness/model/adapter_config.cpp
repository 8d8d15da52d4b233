#include "harness/model/adapter_config.hpp"

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"

namespace touchstone {
namespace {

/// Keys about the origin, training and purpose of an adapter, not about what it computes. Its tensors show which
/// modules it changes.
const std::set<std::string>& harmless_keys() {
  static const std::set<std::string> keys = {"peft_type",        "auto_mapping",        "base_model_name_or_path",
                                             "exclude_modules",  "feedforward_modules", "inference_mode",
                                             "init_ia3_weights", "layers_pattern",      "layers_to_transform",
                                             "lora_dropout",     "megatron_config",     "megatron_core",
                                             "peft_version",     "qalora_group_size",   "revision",
                                             "runtime_config",   "target_modules",      "task_type"};
  return keys;
}

/// Whether a value means "off", in any of peft's spellings.
bool is_off(const Json& value) { return value.is_null() || value == false || (value.is_structured() && value.empty()); }

/// Initialisations that leave the base's weights unchanged. The others (pissa, olora, loftq, ...) subtract something
/// from the base, so their adapters would be wrong on the unchanged base.
bool keeps_the_base(const Json& value) {
  if (value.is_null() || value.is_boolean()) return true;
  return value == "gaussian" || value == "eva" || value == "orthogonal";
}

}  // namespace

void check_adapter_config(const Json& config, const std::string& where, const std::set<std::string>& handled) {
  const auto refuse = [&](const std::string& key, const std::string& expected) {
    throw Error(Fault::checkpoint,
                where + ": key '" + key + "': found " + shown_json(config.at(key)) + ", expected " + expected);
  };
  require(config.is_object(), Fault::checkpoint,
          [&] { return where + ": found " + shown_json(config) + ", expected an object"; });
  for (const auto& [key, value] : config.items()) {
    if (handled.count(key) != 0 || harmless_keys().count(key) != 0 || is_off(value)) continue;
    if (key == "init_lora_weights") {
      if (!keeps_the_base(value)) {
        refuse(key,
               "true, false, gaussian, eva or orthogonal: others change the base's weights (peft's save_pretrained "
               "converts them with path_initial_model_for_weight_conversion)");
      }
    } else if (key == "bias") {
      if (value != "none") refuse(key, "\"none\"");
    } else {
      refuse(key, "no such key: what it changes is not known here");
    }
  }
}

std::int64_t read_prompt_config(const Json& config, const std::string& where) {
  check_adapter_config(
      config, where,
      {"num_virtual_tokens", "num_transformer_submodules", "token_dim", "num_layers", "num_attention_heads",
       "prompt_tuning_init", "prompt_tuning_init_text", "tokenizer_name_or_path", "tokenizer_kwargs"});
  const ObjectReader reader(config, where, {.fault = Fault::checkpoint, .null_is_missing = true});
  if (reader.has("num_transformer_submodules")) reader.integer("num_transformer_submodules", 1, 1);
  return reader.integer("num_virtual_tokens", 1, 1 << 20);
}

}  // namespace touchstone
