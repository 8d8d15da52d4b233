#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/data/task.hpp"

namespace touchstone {

/// How a data file compares with what is known about it.
enum class FileState : std::uint8_t {
  missing,
  there,      ///< found, but compared with nothing (data_files without `verify`)
  published,  ///< the published file, byte for byte after decompression
  listed,     ///< not the published file, but the one that the MANIFEST.json of its folder names: a sample, an import
  differs,    ///< in the published form and place, with other content, and no manifest speaks for it
  changed,    ///< not what the MANIFEST.json of its folder says: edited or damaged after the import
  unknown     ///< there is nothing to compare it with
};
const char* file_state_name(FileState state);

/// One data file of a benchmark, for `touchstone data list` and `verify`.
struct CatalogueFile {
  std::string benchmark;           ///< "mmlu"
  std::vector<std::string> tasks;  ///< the tasks that read it
  Split split = Split::test;
  std::string wanted;                         ///< the place that is tried first, below a data folder
  std::optional<std::filesystem::path> path;  ///< where it was found
  FileState state = FileState::missing;
  std::string sha256;     ///< of its text, when verified
  std::string published;  ///< SHA-256 of the published text; empty when unknown
  std::string licence;
  std::string origin;
  std::int64_t examples = -1;  ///< how many it holds, when verified and read without fault
  std::string problem;         ///< why it could not be read, when verified
};

/// The data files of the named tasks or groups (all when none is named), each once, in order of benchmark and place.
/// `verify` also hashes and reads them. Throws Fault::config for an unknown name.
std::vector<CatalogueFile> data_files(const TaskBook& book, const DataFolders& data,
                                      const std::vector<std::string>& names, bool verify);

/// One file that import_data copied.
struct ImportedFile {
  std::filesystem::path from;
  std::filesystem::path to;
  Split split = Split::test;
  std::int64_t examples = 0;
  FileState state = FileState::listed;  ///< published or listed
};

/// Copies a benchmark's data from a file, or from all files of a folder that it knows by name, into the layout below
/// `target` in which tasks find it, unpacked, and lists it in target/BENCHMARK/MANIFEST.json. Every file is read by its
/// task first; nothing is written unless all can be read. `split` is for a single file whose name does not say it.
/// Throws Fault::data naming the file that cannot be used, Fault::config for an unknown task.
std::vector<ImportedFile> import_data(const TaskBook& book, const std::string& name,
                                      const std::filesystem::path& source, const std::filesystem::path& target,
                                      std::optional<Split> split = std::nullopt);

/// How a found file compares, and its SHA-256 (of the text, unpacked).
struct FileCheck {
  FileState state = FileState::unknown;
  std::string sha256;
};
FileCheck check_file(const DataFile& file, const FoundFile& found);

}  // namespace touchstone
