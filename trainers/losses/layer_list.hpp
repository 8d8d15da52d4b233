#pragma once
#include <string>
#include <vector>

#include "harness/base/options.hpp"

namespace touchstone {

/// A list of layers as `Layers` has them; `fallback` where the key is missing. Throws Fault::config for anything but
/// whole numbers.
std::vector<int> read_layers(Options& options, const std::string& key, const std::string& help,
                             const std::vector<int>& fallback);

}  // namespace touchstone
