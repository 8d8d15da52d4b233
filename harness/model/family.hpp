#pragma once
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "harness/base/registry.hpp"
#include "harness/data/media.hpp"
#include "harness/model/model.hpp"

namespace touchstone {

/// Gives the tensor of a checkpoint by name, checked against the shape that the family expects. Throws
/// Fault::checkpoint naming file, tensor, found and expected.
class Weights {
 public:
  virtual ~Weights() = default;
  virtual bool has(const std::string& name) const = 0;
  virtual Tensor get(const std::string& name, at::IntArrayRef shape, const LoadSettings& settings) const = 0;
  virtual std::vector<std::string> names() const = 0;
};

/// How a family writes media of one kind into prompts.
struct MediaText {
  std::string mark;  ///< the text of the token whose place a soft row takes: "<image>"
  /// What one becomes: `tokens` marks for each piece that the encoder gives soft rows of. A picture has rows x columns
  /// tiles and the whole, or (0 x 0) the whole alone; other kinds are one piece, 0 x 0.
  std::function<std::string(int rows, int columns, std::int64_t tokens)> write;
  /// For a checkpoint made from nothing: the control tokens that write() needs for one piece, `mark` first,
  /// and the files beside config.json that say how media are prepared, by name.
  std::vector<std::string> tokens{};
  std::function<std::map<std::string, std::string>(const nlohmann::ordered_json& config)> files{};
};

/// A model family: its names in config.json, and how to build it.
struct Family {
  std::string name;  ///< config.json "model_type": "llama"
  std::string summary;
  std::vector<std::string> architectures;  ///< config.json "architectures": "LlamaForCausalLM"
  /// `where` names config.json in messages. Throws Fault::checkpoint for keys that are missing or out of range.
  std::function<std::unique_ptr<Model>(const nlohmann::ordered_json& config, const std::string& where, const Weights&,
                                       const LoadSettings&)>
      build;
  std::map<MediaKind, MediaText> media{};  ///< the kinds that prompts may hold beside text, which Model::encode takes
};

using FamilyBook = Registry<Family>;

/// The family of a config.json, by its "architectures", or, where it names none or a decoder without a head, by its
/// "model_type". Throws Fault::checkpoint naming `where`, what was found and the architectures that are known.
const Family& find_family(const FamilyBook& book, const nlohmann::ordered_json& config, const std::string& where);

}  // namespace touchstone
