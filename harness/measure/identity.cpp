#include <set>

#include "harness/base/files.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/measure/measure.hpp"

namespace touchstone {
namespace {

/// The file's name without ".gz": the hash is that of the text, however it is packed.
std::string plain_name(const std::filesystem::path& path) {
  auto name = path.filename().string();
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  return name;
}

std::string mismatch(const Task& task, const DataFile& file, const std::filesystem::path& path,
                     const std::string& hash) {
  const bool same_form = !file.sha256.empty() && plain_name(path) == plain_name(file.paths.front());
  if (!same_form || hash == file.sha256) return {};
  return task.name + ": " + path.string() + " is not the published file (SHA-256 " + hash.substr(0, 12) +
         "..., published " + file.sha256.substr(0, 12) + "...), so its scores compare with no published ones";
}

}  // namespace

DataIdentity data_identity(const Task& task, const DataFolders& data) {
  DataIdentity identity;
  if (task.files.empty()) return identity;
  Sha256 all;
  std::set<std::string> folders;
  for (const auto& file : task.files) {
    const bool needed = file.split == task.evaluated || file.split == task.format.shots_from;
    if (!needed && !data.has(file)) continue;
    const auto path = data.find(task.name, file);
    const auto hash = sha256(read_text_file(path));
    all.add(std::string(split_name(file.split)) + ":" + hash + "\n");
    folders.insert(path.parent_path().string());
    if (auto warning = mismatch(task, file, path, hash); !warning.empty()) identity.warnings.push_back(warning);
  }
  identity.hash = all.hex();
  identity.origin = join(std::vector<std::string>(folders.begin(), folders.end()), ", ");
  return identity;
}

std::string task_data_hash(const Task& task, const DataFolders& data) { return data_identity(task, data).hash; }

}  // namespace touchstone
