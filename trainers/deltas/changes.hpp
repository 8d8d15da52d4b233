#pragma once
// Shared by adapters that change linear maps: the choice of maps, peft's names, writing to files and reading back.
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "harness/base/options.hpp"
#include "harness/model/model.hpp"
#include "harness/train/adapter.hpp"

namespace touchstone {

/// peft's target_modules: endings of module names ("q_proj"), or "all-linear" alone: all but the head.
std::vector<std::string> read_target_modules(Options& options, const std::vector<std::string>& fallback);

/// The same of a written adapter_config.json. Throws Fault::checkpoint naming `where`.
std::vector<std::string> target_modules_of(const nlohmann::ordered_json& config, const std::string& where);

/// Whether a module's name equals one of these or ends in one after a dot.
bool is_any_of(const std::string& module, const std::vector<std::string>& targets);

/// The initial delta of a module's map; its random numbers depend on seed and module.
using MakeDelta =
    std::function<std::shared_ptr<Delta>(const std::string& module, const Linear& map, std::uint64_t seed)>;

/// Freezes the model and adds a delta to each map that is named. Throws Fault::config naming a target that fits no
/// module.
void attach_deltas(Model& model, const std::vector<std::string>& targets, const MakeDelta& make, std::uint64_t seed);

/// The same to the maps that `files` has tensors for, with their values. Throws Fault::checkpoint naming the tensor
/// that is missing, unknown or of another shape.
void attach_deltas(Model& model, const AdapterFiles& files, const MakeDelta& make, const std::string& where);

/// The deltas' parameters under peft's names; they share the model's storage.
NamedTensors delta_tensors(Model& model);

/// target_modules to write: as given, except that "all-linear" becomes the endings of the changed modules' names.
std::vector<std::string> written_targets(Model& model, const std::vector<std::string>& targets);

/// An adapter of such deltas on the maps that `targets` names. `config` is its adapter_config.json, in which the base
/// and the targets are still to be written.
Adapter delta_adapter(const std::vector<std::string>& targets, const MakeDelta& make,
                      const nlohmann::ordered_json& config);

/// Throws Fault::checkpoint: "WHERE: key 'r': found 0, expected ...".
[[noreturn]] void refuse_key(const nlohmann::ordered_json& config, const std::string& where, const std::string& key,
                             const std::string& expected);

}  // namespace touchstone
