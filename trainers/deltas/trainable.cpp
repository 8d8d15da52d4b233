#include "trainers/deltas/trainable.hpp"

#include <set>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "trainers/deltas/changes.hpp"

namespace touchstone {

void freeze(Model& model) {
  for (auto& [name, tensor] : model.parameters()) tensor->requires_grad_(false);
}

std::vector<std::pair<std::string, Tensor*>> delta_parameters(Model& model) {
  std::vector<std::pair<std::string, Tensor*>> all;
  for (const auto& [module, linear] : model.linears()) {
    for (const auto& delta : linear->deltas) {
      for (const auto& [name, tensor] : delta->parameters())
        all.emplace_back(peft_prefix + module + "." + name, tensor);
    }
  }
  return all;
}

std::vector<std::pair<std::string, Tensor*>> trainable_parameters(Model& model,
                                                                  const std::vector<std::string>& modules) {
  const bool whole = modules == std::vector<std::string>{"all"};
  auto all = delta_parameters(model);
  require(
      all.empty() || whole, Fault::config,
      "trained_modules: found names beside an adapter, expected [\"all\"]: the stage 'adapt' names the modules in its "
      "target_modules");
  if (!all.empty()) return all;
  std::vector<std::string> known;
  std::set<std::string> met;
  for (const auto& [name, tensor] : model.parameters()) {
    const auto module = name.substr(0, name.rfind('.'));
    known.push_back(module.substr(module.rfind('.') + 1));
    bool wanted = whole;
    for (const auto& target : modules) {
      if (!is_any_of(module, {target})) continue;
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
