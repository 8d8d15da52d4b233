#pragma once
// The weight files of a checkpoint folder, and the tensors in them by name.
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "backends/checkpoints/safetensors.hpp"
#include "harness/model/family.hpp"

namespace touchstone {

/// The folder's weight files: model.safetensors, or those that model.safetensors.index.json names. Throws
/// Fault::checkpoint when there are none (saying how to convert pytorch_model.bin), when the index names a file outside
/// the folder, and for a link that leaves it.
std::vector<std::filesystem::path> weight_files(const std::filesystem::path& folder);

/// All tensors of a folder's weight files, by the names in a model with a head: "model." is put before the names of a
/// decoder that was saved without its head.
class FolderWeights final : public Weights {
 public:
  explicit FolderWeights(const std::filesystem::path& folder);

  bool has(const std::string& name) const override { return places_.count(name) != 0; }
  /// A copy in settings.storage on settings.device. Throws Fault::checkpoint: missing, another shape, not a float, not
  /// finite.
  Tensor get(const std::string& name, at::IntArrayRef shape, const LoadSettings& settings) const override;
  std::vector<std::string> names() const override;

  /// Throws Fault::checkpoint when a tensor was never read: the weights then belong to another model than config.json
  /// describes. Rotary tables, a value head of TRL (v_head) and tensors without elements may stay unread.
  void refuse_unread() const;
  /// SHA-256 over name, dtype, shape and bytes of every tensor, in name order.
  std::string hash() const;
  std::int64_t parameters() const;
  std::int64_t bytes() const;

 private:
  struct Place {
    std::size_t file = 0;
    const TensorEntry* entry = nullptr;
  };
  std::filesystem::path folder_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, Place> places_;
  mutable std::set<std::string> read_;
};

}  // namespace touchstone
