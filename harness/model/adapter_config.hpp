#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>

namespace touchstone {

/// Checks peft's adapter_config.json key by key. `handled` names the keys that the caller reads. Any other key must be
/// one that changes no number of a trained adapter, or have a value that changes none. Unknown keys are refused, since
/// an adapter whose option is ignored would compute wrong numbers. Throws Fault::checkpoint naming `where`, key, value
/// and what was expected.
void check_adapter_config(const nlohmann::ordered_json& config, const std::string& where,
                          const std::set<std::string>& handled);

/// num_virtual_tokens of an adapter_config.json whose peft_type is PROMPT_TUNING. Throws Fault::checkpoint as above,
/// and for a number below 1.
std::int64_t read_prompt_config(const nlohmann::ordered_json& config, const std::string& where);

}  // namespace touchstone
