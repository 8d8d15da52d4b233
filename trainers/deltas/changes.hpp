#pragma once
// What adapters that change linear maps share: which maps, peft's names, the way to files and back.
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

/// peft's target_modules: ends of module names ("q_proj"), or "all-linear" alone, which is all but the head.
std::vector<std::string> read_target_modules(Options& options, const std::vector<std::string>& fallback);

/// The same of a written adapter_config.json. Throws Fault::checkpoint naming `where`.
std::vector<std::string> target_modules_of(const nlohmann::ordered_json& config, const std::string& where);

/// Whether a module's name is, or ends at a dot in, one of these.
bool is_any_of(const std::string& module, const std::vector<std::string>& targets);

/// A delta of a module's map, as it begins; what it draws hangs on seed and module.
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

/// target_modules to write: as given, but for "all-linear" the ends of the changed modules' names.
std::vector<std::string> written_targets(Model& model, const std::vector<std::string>& targets);

/// Throws Fault::checkpoint: "WHERE: key 'r': found 0, expected ...".
[[noreturn]] void refuse_key(const nlohmann::ordered_json& config, const std::string& where, const std::string& key,
                             const std::string& expected);

}  // namespace touchstone
