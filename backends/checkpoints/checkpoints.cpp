// The implementation of Checkpoints: folders in Hugging Face layout.
#include <algorithm>
#include <mutex>

#include "backends/book.hpp"
#include "backends/checkpoints/adapter.hpp"
#include "backends/checkpoints/config.hpp"
#include "backends/checkpoints/folder.hpp"
#include "backends/checkpoints/safetensors.hpp"
#include "backends/checkpoints/writer.hpp"
#include "backends/tokenizers/tokenizers.hpp"
#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/base/text.hpp"
#include "harness/engine/picture_prompts.hpp"
#include "harness/model/ops.hpp"
#include "harness/model/procedure.hpp"
#include "harness/model/soft_prompt.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

/// config.json of a checkpoint folder and the family that it asks for.
struct Described {  // NOLINT(bugprone-exception-escape): of the JSON library's move
  Json config;
  std::string where;
  const Family* family = nullptr;
  int max_length = 0;
};

/// A procedure names models, whose procedures may name models again: the depth must stay below this.
constexpr int most_models_deep = 4;

/// Identifies a file's content, unless its time was changed by hand.
std::string stamp(const std::vector<fs::path>& files) {
  std::string text;
  for (const auto& file : files) {
    std::error_code problem;
    const auto time = fs::last_write_time(file, problem).time_since_epoch().count();
    text += fs::absolute(file).string() + '\n' + std::to_string(fs::file_size(file, problem)) + '\n' +
            std::to_string(time) + '\n';
  }
  return text;
}

class FolderCheckpoints final : public Checkpoints {
 public:
  explicit FolderCheckpoints(const FamilyBook& book) : book_(&book) {}

  std::unique_ptr<Model> load(const fs::path& folder, const LoadSettings& settings) const override {
    const auto described = describe(base_folder(folder));
    const FolderWeights weights(base_folder(folder));
    std::unique_ptr<Model> model;
    const auto prompt = is_adapter(folder) ? read_soft_prompt(folder) : Tensor();
    if (is_adapter(folder) && !prompt.defined()) {
      const AdaptedWeights adapted(weights, folder);
      model = described.family->build(described.config, described.where, adapted, settings);
      adapted.refuse_unread();
    } else {
      model = described.family->build(described.config, described.where, weights, settings);
    }
    weights.refuse_unread();
    return prompt.defined() ? prompted(std::move(model), prompt.to(settings.device), folder) : std::move(model);
  }

  CheckpointInfo inspect(const fs::path& folder) const override {
    const auto base = base_folder(folder);
    const auto described = describe(base);
    const FolderWeights weights(base);
    CheckpointInfo info;
    info.family = described.family->name;
    info.parameters = weights.parameters();
    info.bytes = weights.bytes();
    info.max_length = described.max_length;
    if (is_adapter(folder)) {
      const auto prompt = read_soft_prompt(folder);
      if (prompt.defined()) info.max_length -= static_cast<int>(prompt.size(0));
    }
    if (takes_pictures(*described.family, base)) info.media.insert(MediaKind::picture);
    info.model_hash = model_hash(folder);
    return info;
  }

  const Family& family(const fs::path& folder) const override { return *describe(base_folder(folder)).family; }

  const Family& family_of(const Json& config, const std::string& where) const override {
    return find_family(*book_, config, where);
  }

  fs::path base_folder(const fs::path& folder) const override {
    return is_adapter(folder) ? adapter_base(folder) : folder;
  }

  std::string model_hash(const fs::path& folder) const override { return identity_hash(folder, 0); }

  std::string write(const fs::path& target, Model& model, const fs::path& source, at::ScalarType dtype) const override {
    write_checkpoint(target, model, source, dtype);
    return model_hash(target);
  }

  void copy_companions(const fs::path& source, const fs::path& target) const override {
    copy_companion_files(source, target);
  }

  std::unique_ptr<Tokenizer> tokenizer(const fs::path& folder) const override { return load_tokenizer(folder); }

  std::string learn_tokenizer(std::span<const std::string> documents, const BpeSettings& settings) const override {
    return train_bpe(documents, settings);
  }

  NamedTensors read_tensors(const fs::path& path) const override {
    const SafetensorsFile file(path);
    NamedTensors tensors;
    for (const auto& entry : file.header().tensors) tensors.emplace(entry.name, file.tensor(entry));
    return tensors;
  }

  void write_tensors(const fs::path& path, const NamedTensors& tensors,
                     const std::map<std::string, std::string>& metadata) const override {
    auto pending = path;
    pending += ".pending";
    try {
      write_safetensors(pending, tensors, metadata);
    } catch (...) {
      std::error_code ignored;
      fs::remove(pending, ignored);
      throw;
    }
    std::error_code problem;
    fs::rename(pending, path, problem);
    require(!problem, Fault::store, [&] { return path.string() + ": " + problem.message(); });
  }

 private:
  /// The hash of the weights alone.
  std::string weights_hash(const fs::path& folder) const {
    if (!is_adapter(folder)) return hash_of(weight_files(folder), [&] { return FolderWeights(folder).hash(); });
    // An adapter's numbers follow from its base, its tensors and the scaling in its config.
    return sha256(weights_hash(adapter_base(folder)) + sha256_file(folder / adapter_weights_file) +
                  sha256_file(folder / adapter_config_file));
  }

  /// The hash of the weights, the procedure and the models that it names.
  std::string identity_hash(const fs::path& folder, int depth) const {
    auto weights = weights_hash(folder);
    const auto procedure = find_procedure(folder, base_folder(folder));
    if (!procedure) return weights;
    require(depth < most_models_deep, Fault::checkpoint, [&] {
      return procedure->where +
             ": the key 'models' names folders whose own key 'models' names others, and so on, more than " +
             std::to_string(most_models_deep) + " deep; does one name itself?";
    });
    Json parts = {"procedure 1", weights, procedure->json};
    for (const auto& [name, place] : procedure->models) {
      parts.push_back(name);
      parts.push_back(identity_hash(place, depth + 1));
    }
    return sha256(parts.dump());
  }

  Described describe(const fs::path& folder) const {
    require(fs::is_directory(folder), Fault::checkpoint, [&] { return folder.string() + ": is not a folder"; });
    const auto path = folder / "config.json";
    Described described;
    described.where = path.string();
    try {
      described.config = read_json(path);
    } catch (const Error& error) {
      throw Error(Fault::checkpoint, error.what());
    }
    const ConfigReader config(described.config, described.where);
    described.family = &find_family(*book_, described.config, described.where);
    // A model of several parts has the key in its text part.
    const auto text = config.has("text_config") ? config.child("text_config") : config;
    described.max_length = static_cast<int>(text.integer("max_position_embeddings", 1, 1 << 26, 2048));
    return described;
  }

  static std::unique_ptr<Model> prompted(std::unique_ptr<Model> model, Tensor prompt, const fs::path& folder) {
    try {
      return with_soft_prompt(std::move(model), std::move(prompt));
    } catch (const Error& error) {
      throw Error(Fault::checkpoint, (folder / adapter_weights_file).string() + ": " + error.what());
    }
  }

  template <class Hash>
  std::string hash_of(const std::vector<fs::path>& files, const Hash& hash) const {
    const auto key = stamp(files);
    {
      const std::lock_guard lock(mutex_);
      const auto found = hashes_.find(key);
      if (found != hashes_.end()) return found->second;
    }
    const auto value = hash();
    const std::lock_guard lock(mutex_);
    hashes_[key] = value;
    return value;
  }

  const FamilyBook* book_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::string> hashes_;  ///< by path, size and time of every weight file
};

}  // namespace

std::unique_ptr<Checkpoints> make_checkpoints(const FamilyBook& book) {
  return std::make_unique<FolderCheckpoints>(book);
}

}  // namespace touchstone
