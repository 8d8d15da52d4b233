#pragma once
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "harness/base/options.hpp"
#include "harness/base/registry.hpp"
#include "harness/model/checkpoint.hpp"

namespace touchstone {

class Session;

/// An adapter as peft keeps it on disk.
struct AdapterFiles {
  std::string config;    ///< adapter_config.json
  NamedTensors tensors;  ///< adapter_model.safetensors
};

/// The trained addition to a model whose own weights are frozen.
struct Adapter {
  /// Adds the parts to the session's model, which carries no adapter, and freezes its weights. The parts begin as drawn
  /// from `seed` or, where `files` is given, with its values; `where` names it in messages. Throws Fault::config for
  /// options that do not fit the model, Fault::checkpoint naming the tensor of `files` that is missing, unknown or of
  /// another shape.
  std::function<void(Session&, std::uint64_t seed, const AdapterFiles* files, const std::string& where)> attach;
  /// peft's files of the current state of what attach() added; the tensors share the model's storage. `base` is the
  /// name of the model underneath in adapter_config.json.
  std::function<AdapterFiles(const Session&, const std::string& base)> files;
  /// Whether it can be merged into the weights.
  bool folds = true;
};

/// A kind of adapter that recipes may name. `make` reads its options, which have peft's names.
struct AdapterMaker {
  std::string summary;
  std::function<Adapter(Options&)> make;
  /// The adapter that a written adapter_config.json describes; none where it is of another kind. Throws
  /// Fault::checkpoint naming `where` and the key that is wrong.
  std::function<std::optional<Adapter>(const nlohmann::ordered_json& config, const std::string& where)> read;
};
using AdapterBook = Registry<AdapterMaker>;

}  // namespace touchstone
