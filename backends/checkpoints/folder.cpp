#include "backends/checkpoints/folder.hpp"

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

constexpr const char* single_file = "model.safetensors";
constexpr const char* index_file = "model.safetensors.index.json";

[[noreturn]] void refuse(const fs::path& place, const std::string& message) {
  throw Error(Fault::checkpoint, place.string() + ": " + message);
}

/// A link may lead to another file of the folder, or into the "blobs" of a Hugging Face download cache.
void check_link(const fs::path& folder, const fs::path& file) {
  std::error_code problem;
  if (fs::symlink_status(file, problem).type() != fs::file_type::symlink) return;
  const auto target = fs::canonical(file, problem);
  if (problem) refuse(file, "is a link to a file that does not exist");
  const auto parent = target.parent_path();
  const auto home = fs::canonical(folder, problem);
  if (parent == home || parent == home.parent_path().parent_path() / "blobs") return;
  refuse(file, "is a link that leaves the folder, to " + target.string() + "; copy the file itself (cp -L)");
}

std::vector<fs::path> indexed_files(const fs::path& folder) {
  const auto index_path = folder / index_file;
  check_link(folder, index_path);
  Json index;
  try {
    index = read_json(index_path);
  } catch (const Error& error) {
    throw Error(Fault::checkpoint, error.what());
  }
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object()) {
    refuse(index_path, "key 'weight_map': missing or not an object, expected an object from tensor to file name");
  }
  std::set<std::string> names;
  for (const auto& item : index["weight_map"].items()) {
    if (!item.value().is_string())
      refuse(index_path,
             "key 'weight_map." + item.key() + "': found " + shown_json(item.value()) + ", expected a file name");
    names.insert(item.value().get<std::string>());
  }
  if (names.empty()) refuse(index_path, "key 'weight_map': found {}, expected at least one tensor");
  std::vector<fs::path> files;
  for (const auto& name : names) {
    const bool plain = !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
                       name.find('\0') == std::string::npos;
    if (!plain)
      refuse(index_path, "key 'weight_map': found '" + name + "', expected the name of a file in the same folder");
    check_link(folder, folder / name);
    files.push_back(folder / name);
  }
  return files;
}

std::string shape_text(at::IntArrayRef shape) {
  std::string text = "[";
  for (std::size_t at = 0; at < shape.size(); ++at) text += (at == 0 ? "" : ", ") + std::to_string(shape[at]);
  return text + "]";
}

/// Tensors that other programs write and no language model needs: rotary tables, which are computed here, TRL's value
/// head, and tensors without elements.
bool is_left_out(const TensorEntry& entry) {
  for (const auto* table : {"rotary_emb.inv_freq", "rotary_emb.cos_cached", "rotary_emb.sin_cached"}) {
    if (entry.name.ends_with(table)) return true;
  }
  return entry.name.starts_with("v_head.") || entry.first == entry.last;
}

}  // namespace

std::vector<fs::path> weight_files(const fs::path& folder) {
  if (!fs::is_directory(folder)) refuse(folder, "is not a folder");
  if (fs::exists(fs::symlink_status(folder / single_file))) {
    check_link(folder, folder / single_file);
    return {folder / single_file};
  }
  if (fs::exists(folder / index_file)) return indexed_files(folder);
  for (const auto* pickle : {"pytorch_model.bin", "pytorch_model.bin.index.json", "consolidated.00.pth"}) {
    if (fs::exists(folder / pickle)) {
      refuse(folder / pickle,
             "is a pickle, which can run code when it is read; convert it with transformers: "
             "AutoModelForCausalLM.from_pretrained(DIR).save_pretrained(DIR2)");
    }
  }
  refuse(folder, "holds no weights, expected model.safetensors or model.safetensors.index.json");
}

FolderWeights::FolderWeights(const fs::path& folder) : folder_(folder) {
  for (const auto& path : weight_files(folder)) files_.emplace_back(path);
  bool bare = true;  // a decoder that was saved without its head has no "model." before its names
  for (const auto& file : files_) {
    for (const auto& entry : file.header().tensors) bare = bare && !entry.name.starts_with("model.");
  }
  for (std::size_t at = 0; at < files_.size(); ++at) {
    for (const auto& entry : files_[at].header().tensors) {
      const bool inner = entry.name.starts_with("layers.") || entry.name.starts_with("embed_tokens.") ||
                         entry.name.starts_with("norm.");
      const auto fresh =
          places_.try_emplace((bare && inner ? "model." : "") + entry.name, Place{.file = at, .entry = &entry});
      if (!fresh.second) {
        refuse(files_[at].path(),
               "tensor '" + entry.name + "' is also in " + files_[fresh.first->second.file].path().string());
      }
    }
  }
}

Tensor FolderWeights::get(const std::string& name, at::IntArrayRef shape, const LoadSettings& settings) const {
  const auto found = places_.find(name);
  if (found == places_.end()) {
    refuse(files_.size() == 1 ? files_.front().path() : folder_,
           "has no tensor '" + name + "', expected one of shape " + shape_text(shape));
  }
  const auto& file = files_[found->second.file];
  const auto& entry = *found->second.entry;
  const auto what = "tensor '" + name + "' ";
  if (at::IntArrayRef(entry.shape) != shape) {
    refuse(file.path(),
           what + "has shape " + shape_text(entry.shape) + ", expected " + shape_text(shape) + " by config.json");
  }
  const auto raw = file.tensor(entry);
  if (!raw.is_floating_point())
    refuse(file.path(), what + "has dtype " + entry.dtype + ", expected F32, BF16, F16 or F64");
  // One pass: a sum of x * 0 is 0 when all are finite, and nan when one is not.
  if (!at::isfinite(raw.mul(0).sum(at::kFloat)).item<bool>()) {
    const auto wrong = at::isfinite(raw).logical_not().sum().item<std::int64_t>();
    refuse(file.path(), what + "has " + std::to_string(wrong) + " values that are not finite numbers, expected none");
  }
  read_.insert(name);
  auto result = raw.to(settings.device, settings.storage);
  if (raw.scalar_type() != settings.storage && !at::isfinite(result.mul(0).sum(at::kFloat)).item<bool>()) {
    refuse(file.path(),
           what + "has values too large for the dtype that was asked for, " + at::toString(settings.storage));
  }
  return result;
}

std::vector<std::string> FolderWeights::names() const {
  std::vector<std::string> all;
  for (const auto& place : places_) all.push_back(place.first);
  return all;
}

void FolderWeights::refuse_unread() const {
  for (const auto& [name, place] : places_) {
    if (read_.count(name) != 0 || is_left_out(*place.entry)) continue;
    refuse(files_[place.file].path(), "tensor '" + name + "' has no place in the model that config.json describes");
  }
}

std::string FolderWeights::hash() const {
  Sha256 all;
  for (const auto& [name, place] : places_) {
    const auto& entry = *place.entry;
    // With lengths and separators, so that no two lists of tensors hash the same bytes.
    all.add(std::to_string(name.size()) + ":" + name + " " + entry.dtype + " " + shape_text(entry.shape) + "\n");
    all.add(files_[place.file].bytes(entry));
  }
  return all.hex();
}

std::int64_t FolderWeights::parameters() const {
  std::int64_t total = 0;
  for (const auto& [name, place] : places_) {
    std::int64_t count = 1;
    for (const auto size : place.entry->shape) count *= size;
    total += count;
  }
  return total;
}

std::int64_t FolderWeights::bytes() const {
  std::uint64_t total = 0;
  for (const auto& place : places_) total += place.second.entry->last - place.second.entry->first;
  return static_cast<std::int64_t>(total);
}

}  // namespace touchstone
