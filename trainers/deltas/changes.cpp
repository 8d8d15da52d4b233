#include "trainers/deltas/changes.hpp"

#include <algorithm>
#include <map>

#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/text.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/session.hpp"
#include "trainers/deltas/trainable.hpp"

namespace touchstone {
namespace {

bool is_all_linear(const std::vector<std::string>& targets) {
  return targets == std::vector<std::string>{"all-linear"};
}

/// The linear maps that match; the head only by its own name.
std::map<std::string, Linear*> maps_of(Model& model, const std::vector<std::string>& targets) {
  const auto linears = model.linears();
  std::map<std::string, Linear*> chosen;
  if (is_all_linear(targets)) {
    for (const auto& [module, linear] : linears) {
      if (linear != &model.head()) chosen.emplace(module, linear);
    }
    return chosen;
  }
  std::vector<std::string> known;
  for (const auto& [module, linear] : linears) known.push_back(module.substr(module.rfind('.') + 1));
  for (const auto& target : targets) {
    bool any = false;
    for (const auto& [module, linear] : linears) {
      if (!is_any_of(module, {target})) continue;
      chosen.emplace(module, linear);
      any = true;
    }
    require(any, Fault::config, [&] { return "target_modules: " + unknown_name("module", target, known); });
  }
  return chosen;
}

}  // namespace

std::vector<std::string> read_target_modules(Options& options, const std::vector<std::string>& fallback) {
  return options.texts("target_modules", "ends of module names, or all-linear: all but the head", fallback);
}

std::vector<std::string> target_modules_of(const Json& config, const std::string& where) {
  const auto targets = config.value("target_modules", Json());
  if (targets.is_string()) return {targets.get<std::string>()};
  std::vector<std::string> all;
  if (targets.is_null()) return all;
  if (!targets.is_array()) refuse_key(config, where, "target_modules", "a list of names");
  for (const auto& target : targets) {
    if (!target.is_string()) refuse_key(config, where, "target_modules", "a list of names");
    all.push_back(target.get<std::string>());
  }
  return all;
}

bool is_any_of(const std::string& module, const std::vector<std::string>& targets) {
  return std::any_of(targets.begin(), targets.end(),
                     [&](const std::string& target) { return module == target || module.ends_with("." + target); });
}

void attach_deltas(Model& model, const std::vector<std::string>& targets, const MakeDelta& make, std::uint64_t seed) {
  const auto maps = maps_of(model, targets);
  freeze(model);
  for (const auto& [module, linear] : maps) linear->deltas.push_back(make(module, *linear, seed));
}

void attach_deltas(Model& model, const AdapterFiles& files, const MakeDelta& make, const std::string& where) {
  const at::NoGradGuard no_grad;
  freeze(model);
  auto left = files.tensors;
  for (const auto& [module, linear] : model.linears()) {
    const auto start = peft_prefix + module + ".";
    const auto first = left.lower_bound(start);
    if (first == left.end() || !first->first.starts_with(start)) continue;
    auto delta = make(module, *linear, 0);
    for (const auto& [part, tensor] : delta->parameters()) {
      const auto name = start + part;
      const auto found = left.find(name);
      require(found != left.end(), Fault::checkpoint, [&] { return where + ": tensor '" + name + "' is missing"; });
      require(found->second.sizes() == tensor->sizes(), Fault::checkpoint, [&, wanted = tensor] {
        return where + ": tensor '" + name + "': found shape " + c10::str(found->second.sizes()) + ", expected " +
               c10::str(wanted->sizes());
      });
      tensor->copy_(found->second);
      left.erase(found);
    }
    linear->deltas.push_back(std::move(delta));
  }
  require(left.empty(), Fault::checkpoint,
          [&] { return where + ": tensor '" + left.begin()->first + "' belongs to no linear map of this model"; });
}

NamedTensors delta_tensors(Model& model) {
  NamedTensors all;
  for (const auto& [name, tensor] : delta_parameters(model)) all[name] = tensor->detach();
  return all;
}

std::vector<std::string> written_targets(Model& model, const std::vector<std::string>& targets) {
  if (!is_all_linear(targets)) return targets;
  std::vector<std::string> modules;
  for (const auto& [module, linear] : model.linears()) {
    if (!linear->deltas.empty()) modules.push_back(module.substr(module.rfind('.') + 1));
  }
  std::sort(modules.begin(), modules.end());
  modules.erase(std::unique(modules.begin(), modules.end()), modules.end());
  return modules;
}

Adapter delta_adapter(const std::vector<std::string>& targets, const MakeDelta& make, const Json& config) {
  Adapter adapter;
  adapter.attach = [targets, make](Session& session, std::uint64_t seed, const AdapterFiles* files,
                                   const std::string& where) {
    auto& model = *session.model;
    files == nullptr ? attach_deltas(model, targets, make, seed) : attach_deltas(model, *files, make, where);
  };
  adapter.files = [targets, config](const Session& session, const std::string& base) {
    auto written = config;
    written["base_model_name_or_path"] = base;
    written["target_modules"] = written_targets(*session.model, targets);
    return AdapterFiles{.config = written.dump(2) + "\n", .tensors = delta_tensors(*session.model)};
  };
  return adapter;
}

void refuse_key(const Json& config, const std::string& where, const std::string& key, const std::string& expected) {
  const auto found = config.contains(key) ? shown_json(config[key]) : std::string("nothing");
  throw Error(Fault::checkpoint, where + ": key '" + key + "': found " + found + ", expected " + expected);
}

}  // namespace touchstone
