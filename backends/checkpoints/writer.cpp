#include "backends/checkpoints/writer.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <vector>

#include "backends/checkpoints/safetensors.hpp"
#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

constexpr std::array companions = {"tokenizer.json",
                                   "tokenizer.json.gz",
                                   "tokenizer_config.json",
                                   "tokenizer.model",
                                   "special_tokens_map.json",
                                   "added_tokens.json",
                                   "vocab.json",
                                   "merges.txt",
                                   "vocab.txt",
                                   "chat_template.jinja",
                                   "chat_template.json",
                                   "preprocessor_config.json",
                                   "processor_config.json",
                                   "generation_config.json"};

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text << std::flush;
  require(file.good(), Fault::store, [&] { return path.string() + ": cannot be written"; });
}

/// transformers' name of a dtype.
std::string config_dtype(at::ScalarType dtype) {
  if (dtype == at::kFloat) return "float32";
  if (dtype == at::kBFloat16) return "bfloat16";
  if (dtype == at::kHalf) return "float16";
  throw Error(Fault::config, std::string("weights cannot be written as ") + at::toString(dtype) +
                                 ", expected float32, bfloat16 or float16");
}

std::string config_text(const Model& model, at::ScalarType dtype) {
  auto config = Json::parse(model.config_json());
  config.erase("dtype");
  config["torch_dtype"] = config_dtype(dtype);
  return config.dump(2) + "\n";
}

std::string shard_name(std::size_t number, std::size_t count) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "model-%05zu-of-%05zu.safetensors", number + 1, count);
  return text.data();
}

/// Cuts the tensors, in name order, into groups of at most `limit` bytes (a larger tensor stands alone).
std::vector<NamedTensors> cut_into_shards(const NamedTensors& tensors, std::uint64_t limit) {
  std::vector<NamedTensors> shards(1);
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : tensors) {
    if (bytes > 0 && bytes + tensor_bytes(tensor) > limit) {
      shards.emplace_back();
      bytes = 0;
    }
    bytes += tensor_bytes(tensor);
    shards.back().emplace(name, tensor);
  }
  return shards;
}

void write_weights(const fs::path& folder, const NamedTensors& tensors, std::uint64_t shard_bytes) {
  const std::map<std::string, std::string> metadata = {{"format", "pt"}};
  const auto shards = cut_into_shards(tensors, shard_bytes);
  if (shards.size() == 1) {
    write_safetensors(folder / "model.safetensors", tensors, metadata);
    return;
  }
  std::uint64_t total = 0;
  Json weight_map = Json::object();
  for (std::size_t at = 0; at < shards.size(); ++at) {
    const auto name = shard_name(at, shards.size());
    write_safetensors(folder / name, shards[at], metadata);
    for (const auto& item : shards[at]) {
      weight_map[item.first] = name;
      total += tensor_bytes(item.second);
    }
  }
  const Json index = {{"metadata", {{"total_size", total}}}, {"weight_map", weight_map}};
  write_text(folder / "model.safetensors.index.json", index.dump(2) + "\n");
}

}  // namespace

void copy_companion_files(const fs::path& source, const fs::path& target) {
  for (const auto* name : companions) {
    if (!fs::is_regular_file(source / name)) continue;
    std::error_code problem;
    fs::copy_file(source / name, target / name, fs::copy_options::overwrite_existing, problem);
    require(!problem, Fault::store, [&] { return (target / name).string() + ": " + problem.message(); });
    // The source may be read-only; the copy is the user's.
    fs::permissions(target / name, fs::perms::owner_write, fs::perm_options::add, problem);
  }
}

void write_checkpoint(const fs::path& target, Model& model, const fs::path& source, at::ScalarType dtype,
                      std::uint64_t shard_bytes) {
  for (const auto& [name, map] : model.linears()) {
    require(map->deltas.empty(), Fault::internal,
            [&name = name] { return "fold the deltas of " + name + " before writing weights"; });
  }
  require(!model.soft_prompt().defined(), Fault::config,
          "the model has a soft prompt, which whole weights cannot hold: it is written as an adapter");
  NamedTensors tensors;
  for (const auto& [name, tensor] : model.parameters()) tensors.emplace(name, tensor->detach().to(at::kCPU, dtype));
  FolderWriter writer(target);
  write_weights(writer.path(), tensors, shard_bytes);
  copy_companion_files(source, writer.path());
  write_text(writer.path() / "config.json", config_text(model, dtype));
  writer.commit();
}

}  // namespace touchstone
