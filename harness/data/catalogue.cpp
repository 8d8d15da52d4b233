#include "harness/data/catalogue.hpp"

#include <algorithm>
#include <tuple>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/data/manifest.hpp"

namespace touchstone {
namespace fs = std::filesystem;
namespace {

/// The file's name without ".gz": hashes are those of the text, however it is packed.
std::string plain_name(const fs::path& path) {
  auto name = path.filename().string();
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  return name;
}

void read_through(const Task& task, const DataFolders& data, CatalogueFile& file) {
  try {
    file.examples = static_cast<std::int64_t>(task.load(file.split, data).size());
  } catch (const Error& error) {
    file.problem = error.what();
  }
}

CatalogueFile described(const TaskBook& book, const Task& task, const DataFile& file, const DataFolders& data,
                        bool verify) {
  CatalogueFile entry{.benchmark = book.benchmark(task.name),
                      .tasks = {task.name},
                      .split = file.split,
                      .wanted = file.paths.front(),
                      .path = std::nullopt,
                      .sha256 = {},
                      .published = file.sha256,
                      .licence = file.licence,
                      .origin = file.origin,
                      .problem = {}};
  const auto found = data.look_for(file);
  if (!found) return entry;
  entry.path = found->path();
  entry.state = FileState::there;
  if (!verify) return entry;
  try {
    const auto check = check_file(file, *found);
    entry.state = check.state;
    entry.sha256 = check.sha256;
    read_through(task, data, entry);
  } catch (const Error& error) {
    entry.problem = error.what();
  }
  return entry;
}

}  // namespace

const char* file_state_name(FileState state) {
  switch (state) {
    case FileState::missing:
      return "missing";
    case FileState::there:
      return "there";
    case FileState::published:
      return "published";
    case FileState::listed:
      return "listed";
    case FileState::differs:
      return "differs";
    case FileState::changed:
      return "changed";
    case FileState::unknown:
      return "unknown";
  }
  return "unknown";
}

FileCheck check_file(const DataFile& file, const FoundFile& found) {
  FileCheck check{.sha256 = sha256(read_text_file(found.path()))};
  if (!file.sha256.empty() && check.sha256 == file.sha256) {
    check.state = FileState::published;
  } else if (const auto listed = manifest_hash(found.folder, found.relative)) {
    check.state = *listed == check.sha256 ? FileState::listed : FileState::changed;
  } else if (!file.sha256.empty() && plain_name(found.relative) == plain_name(file.paths.front())) {
    check.state = FileState::differs;
  }
  return check;
}

std::vector<CatalogueFile> data_files(const TaskBook& book, const DataFolders& data,
                                      const std::vector<std::string>& names, bool verify) {
  std::vector<CatalogueFile> files;
  for (const auto& name : names.empty() ? book.tasks.names() : names) {
    for (const auto& leaf : book.expand(name)) {
      const Task& task = book.tasks.get(leaf);
      for (const auto& file : task.files) {
        const auto known = std::find_if(files.begin(), files.end(),
                                        [&](const CatalogueFile& entry) { return entry.wanted == file.paths.front(); });
        if (known == files.end()) {
          files.push_back(described(book, task, file, data, verify));
        } else if (std::find(known->tasks.begin(), known->tasks.end(), leaf) == known->tasks.end()) {
          known->tasks.push_back(leaf);
        }
      }
    }
  }
  std::stable_sort(files.begin(), files.end(), [](const CatalogueFile& a, const CatalogueFile& b) {
    return std::tie(a.benchmark, a.wanted) < std::tie(b.benchmark, b.wanted);
  });
  return files;
}

}  // namespace touchstone
