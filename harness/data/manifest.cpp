#include "harness/data/manifest.hpp"

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"

namespace touchstone {
namespace fs = std::filesystem;
namespace {

std::string text_of(const Json& entry, const char* key, const std::string& where) {
  const auto found = entry.find(key);
  require(found != entry.end() && found->is_string(), Fault::data,
          [&] { return where + ": key 'files': found " + shown_json(entry) + ", expected a text as '" + key + "'"; });
  return found->get<std::string>();
}

}  // namespace

Manifest Manifest::read(const fs::path& path) {
  Manifest manifest;
  if (!fs::exists(path)) return manifest;
  const auto json = read_json(path);
  const auto where = path.string();
  require(json.is_object() && json.contains("files") && json["files"].is_array(), Fault::data,
          [&] { return where + ": found " + shown_json(json) + ", expected an object with a list 'files'"; });
  for (const auto& entry : json["files"]) {
    require(entry.is_object(), Fault::data,
            [&] { return where + ": key 'files': found " + shown_json(entry) + ", expected an object for each file"; });
    ManifestFile file{.path = text_of(entry, "path", where),
                      .sha256 = text_of(entry, "sha256", where),
                      .rows = 0,
                      .source = entry.contains("source") ? text_of(entry, "source", where) : "",
                      .licence = entry.contains("licence") ? text_of(entry, "licence", where) : ""};
    if (entry.contains("rows") && entry["rows"].is_number_integer()) file.rows = entry["rows"].get<std::int64_t>();
    manifest.files.push_back(std::move(file));
  }
  return manifest;
}

void Manifest::write(const fs::path& path) const {
  Json json = {{"files", Json::array()}};
  for (const auto& file : files) {
    json["files"].push_back({{"path", file.path},
                             {"sha256", file.sha256},
                             {"rows", file.rows},
                             {"source", file.source},
                             {"licence", file.licence}});
  }
  write_file_atomically(path, json.dump(1) + "\n");
}

const ManifestFile* Manifest::find(const std::string& relative) const {
  const auto found =
      std::find_if(files.begin(), files.end(), [&](const ManifestFile& file) { return file.path == relative; });
  return found == files.end() ? nullptr : &*found;
}

void Manifest::put(ManifestFile file) {
  const auto found =
      std::find_if(files.begin(), files.end(), [&](const ManifestFile& old) { return old.path == file.path; });
  if (found != files.end()) {
    *found = std::move(file);
  } else {
    files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(), [](const ManifestFile& a, const ManifestFile& b) { return a.path < b.path; });
}

std::optional<std::string> manifest_hash(const fs::path& folder, const fs::path& relative) {
  if (relative.empty()) return std::nullopt;
  const auto benchmark = *relative.begin();
  const auto manifest = Manifest::read(folder / benchmark / "MANIFEST.json");
  const auto* file = manifest.find(relative.lexically_relative(benchmark).generic_string());
  if (file == nullptr) return std::nullopt;
  return file->sha256;
}

}  // namespace touchstone
