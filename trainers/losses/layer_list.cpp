#include "trainers/losses/layer_list.hpp"

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"

namespace touchstone {

std::vector<int> read_layers(Options& options, const std::string& key, const std::string& help,
                             const std::vector<int>& fallback) {
  const auto* value = options.any(key, help, /*required=*/false);
  if (value == nullptr) return fallback;
  constexpr int most = 1 << 20;
  const auto refuse = [&] {
    throw Error(Fault::config, options.where() + ": key '" + key + "': found " + shown_json(*value) +
                                   ", expected a list of layers, for instance [2, 4], or [-1] for the last");
  };
  if (!value->is_array()) refuse();
  std::vector<int> layers;
  for (const auto& one : *value) {
    if (!one.is_number_integer() || one.get<std::int64_t>() < -most || one.get<std::int64_t>() > most) refuse();
    layers.push_back(one.get<int>());
  }
  return layers;
}

}  // namespace touchstone
