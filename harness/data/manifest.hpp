#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace touchstone {

/// One file listed in a MANIFEST.json.
struct ManifestFile {
  std::string path;    ///< relative to the manifest's folder
  std::string sha256;  ///< of the file's text, unpacked
  std::int64_t rows = 0;
  std::string source;
  std::string licence;
};

/// DATA_FOLDER/BENCHMARK/MANIFEST.json: where the benchmark's files came from, and their hashes when they were put
/// there.
struct Manifest {
  std::vector<ManifestFile> files;

  /// Empty when there is no such file. Throws Fault::data for one that cannot be read.
  static Manifest read(const std::filesystem::path& path);
  void write(const std::filesystem::path& path) const;
  const ManifestFile* find(const std::string& relative) const;
  /// Adds the entry, or replaces the one of the same path.
  void put(ManifestFile file);
};

/// The SHA-256 that the manifest of `relative` (a path below the data folder) gives for that file; none if not listed.
std::optional<std::string> manifest_hash(const std::filesystem::path& folder, const std::filesystem::path& relative);

}  // namespace touchstone
