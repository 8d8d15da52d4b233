#pragma once
// Checkpoint folders as trainers and the tensor library's entry see them; backends/checkpoints implements this.
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "harness/model/backend.hpp"
#include "harness/model/family.hpp"
#include "harness/model/model.hpp"
#include "harness/model/tokenizer.hpp"

namespace touchstone {

/// Tensors by name, as one safetensors file holds them.
using NamedTensors = std::map<std::string, Tensor>;

/// Opens and writes checkpoint folders in Hugging Face layout. All methods throw Fault::checkpoint naming file and key
/// for an error in a folder, and Fault::store for a file that cannot be written.
class Checkpoints {
 public:
  virtual ~Checkpoints() = default;

  /// The model of a folder, built by the family that config.json names. A peft adapter folder gives its base, with the
  /// adapter's changes added to the weights in float32 or with its soft prompt before it. Every weight is checked
  /// to be finite.
  virtual std::unique_ptr<Model> load(const std::filesystem::path& folder, const LoadSettings& settings) const = 0;

  /// Facts that need no weights in memory (model_hash reads the files once; it is kept while size and time of every
  /// file stay the same).
  virtual CheckpointInfo inspect(const std::filesystem::path& folder) const = 0;

  /// The family that config.json of the folder, or of an adapter's base, asks for.
  virtual const Family& family(const std::filesystem::path& folder) const = 0;

  /// The family of a config.json; `where` names it in messages.
  virtual const Family& family_of(const nlohmann::ordered_json& config, const std::string& where) const = 0;

  /// The folder with config.json and whole weights: `folder` itself, or the base of an adapter folder.
  virtual std::filesystem::path base_folder(const std::filesystem::path& folder) const = 0;

  /// SHA-256 over names, dtypes, shapes and bytes of all weights, in name order, and over the procedure.json and the
  /// models it names, where there is one: everything that decides answers.
  virtual std::string model_hash(const std::filesystem::path& folder) const = 0;

  /// Writes config.json, model.safetensors (or shards of at most 5 GB with their index) and, from `source`, the
  /// tokenizer's files and generation_config.json. The folder appears whole or not at all. Gives the model_hash of the
  /// written folder.
  virtual std::string write(const std::filesystem::path& target, Model& model, const std::filesystem::path& source,
                            at::ScalarType dtype = at::kFloat) const = 0;

  /// Copies the files that tools need besides weights: tokenizer files, chat template, generation_config.json; absent
  /// ones are skipped.
  virtual void copy_companions(const std::filesystem::path& source, const std::filesystem::path& target) const = 0;

  /// The tokenizer whose files lie in this very folder.
  virtual std::unique_ptr<Tokenizer> tokenizer(const std::filesystem::path& folder) const = 0;

  /// The text of a tokenizer.json, learnt from documents. Throws Fault::data when they hold too few pairs of bytes for
  /// the vocabulary, Fault::config for a vocabulary below 257.
  virtual std::string learn_tokenizer(std::span<const std::string> documents, const BpeSettings& settings) const = 0;

  /// All tensors of one safetensors file, copied to CPU memory, in the file's dtypes.
  virtual NamedTensors read_tensors(const std::filesystem::path& file) const = 0;

  /// Writes one safetensors file atomically: equal tensors and metadata give equal bytes.
  virtual void write_tensors(const std::filesystem::path& file, const NamedTensors& tensors,
                             const std::map<std::string, std::string>& metadata = {{"format", "pt"}}) const = 0;
};

}  // namespace touchstone
