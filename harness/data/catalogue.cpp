#include "harness/data/catalogue.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
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

namespace fs = std::filesystem;
namespace {

/// One of the user's files, and the data file that it is taken for.
struct Pick {
  const Task* task = nullptr;
  const DataFile* file = nullptr;
  fs::path from;
  std::string to;  ///< below the data folder
};

bool is_packed(const std::string& path) { return path.ends_with(".gz"); }

/// The target path for a file of this name: the path with the same name, else the first of the same kind; never packed.
std::string place_for(const DataFile& file, const fs::path& from) {
  const auto name = plain_name(from);
  for (const auto& path : file.paths) {
    if (!is_packed(path) && plain_name(path) == name) return path;
  }
  const auto kind = fs::path(name).extension();
  for (const auto& path : file.paths) {
    if (!is_packed(path) && fs::path(path).extension() == kind) return path;
  }
  return {};
}

/// Finds a data file in a folder that is laid out as a data folder or as the benchmark's own, or holds it by bare name.
std::optional<fs::path> find_in(const fs::path& folder, const DataFile& file) {
  for (const auto& path : file.paths) {
    const fs::path relative = path;
    const auto own = relative.lexically_relative(*relative.begin());
    for (const auto& place : {folder / relative, folder / own, folder / relative.filename()}) {
      if (fs::is_regular_file(place)) return place;
    }
  }
  return std::nullopt;
}

std::vector<Pick> pick_of_folder(const std::vector<const Task*>& tasks, const fs::path& folder) {
  std::map<std::string, Pick> picks;
  for (const auto* task : tasks) {
    for (const auto& file : task->files) {
      const auto found = find_in(folder, file);
      if (!found) continue;
      const auto to = place_for(file, *found);
      if (!to.empty()) picks.try_emplace(to, Pick{task, &file, *found, to});
    }
  }
  std::vector<Pick> all;
  for (auto& pick : picks) all.push_back(std::move(pick.second));
  return all;
}

/// Which data file a single file is: by its name, or by the split that the user gave.
std::vector<Pick> pick_of_file(const std::vector<const Task*>& tasks, const fs::path& from,
                               std::optional<Split> split) {
  std::map<std::string, Pick> picks;
  for (const auto* task : tasks) {
    for (const auto& file : task->files) {
      const bool named = std::any_of(file.paths.begin(), file.paths.end(),
                                     [&](const std::string& path) { return plain_name(path) == plain_name(from); });
      const bool fits = split ? file.split == *split : named;
      const auto to = place_for(file, from);
      if (fits && !to.empty()) picks.try_emplace(to, Pick{task, &file, from, to});
    }
  }
  std::vector<Pick> all;
  for (auto& pick : picks) all.push_back(std::move(pick.second));
  return all;
}

/// A folder in the target, removed however the import ends. The target is removed, too, when nothing was imported.
class Stage {
 public:
  explicit Stage(const fs::path& target) : target_(target), fresh_(!fs::exists(target)) {
    std::error_code failed;
    fs::create_directories(target, failed);
    require(!failed, Fault::store, [&] { return target.string() + ": cannot be created: " + failed.message(); });
    std::string pattern = (target / ".import-XXXXXX").string();
    require(mkdtemp(pattern.data()) != nullptr, Fault::store,
            [&] { return target.string() + ": a folder cannot be created in it: " + std::strerror(errno); });
    path_ = pattern;
  }
  ~Stage() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
    if (fresh_) fs::remove(target_, ignored);  // succeeds only when it is empty
  }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path target_;
  bool fresh_;
  fs::path path_;
};

/// The examples of a file that lies in the stage. Error messages name the user's file instead.
std::vector<Example> load_staged(const Pick& pick, const fs::path& stage) {
  try {
    return pick.task->load(pick.file->split, DataFolders({stage}));
  } catch (const Error& error) {
    throw Error(error.fault(), replace_all(error.what(), (stage / pick.to).string(), pick.from.string()));
  }
}

/// The names of the tasks' data files (`of` a path), each once; only those of the given split, if there is one.
template <class Of>
std::vector<std::string> names_of(const std::vector<const Task*>& tasks, std::optional<Split> split, const Of& of) {
  std::vector<std::string> names;
  for (const auto* task : tasks) {
    for (const auto& file : task->files) {
      if (split && file.split != *split) continue;
      for (const auto& path : file.paths) {
        const auto name = of(path);
        if (!is_packed(path) && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
      }
    }
  }
  return names;
}

/// Says why a file or folder holds nothing for the tasks, and which names it should have.
std::string nothing_of(const std::vector<const Task*>& tasks, const std::string& name, bool folder,
                       std::optional<Split> split) {
  if (!folder && split) {
    const auto endings = names_of(tasks, split, [](const fs::path& path) { return path.extension().string(); });
    const auto its = name + "'s " + split_name(*split) + " split";
    if (endings.empty()) return "cannot be a file of " + its + ", which has none";
    return "is not a file of " + its + " by its ending, expected " + join(endings, ", ") + " (gzip is fine)";
  }
  const auto names = names_of(tasks, std::nullopt, [](const std::string& path) { return path; });
  const std::size_t shown = std::min<std::size_t>(names.size(), 6);
  return (folder ? "holds no file of " : "is not a file of ") + name + " by its name, expected " +
         join(std::span(names).first(shown), ", ") + (shown < names.size() ? ", ..." : "") +
         (folder ? "" : " (gzip is fine), or a split");
}

std::vector<Pick> pick(const std::vector<const Task*>& tasks, const std::string& name, const fs::path& source,
                       std::optional<Split> split) {
  require(std::any_of(tasks.begin(), tasks.end(), [](const auto* task) { return !task->files.empty(); }), Fault::data,
          [&] { return name + " needs no data file: the program makes its examples itself"; });
  require(fs::exists(source), Fault::data, [&] { return source.string() + ": there is no such file or folder"; });
  const bool folder = fs::is_directory(source);
  auto picks = folder ? pick_of_folder(tasks, source) : pick_of_file(tasks, source, split);
  require(!picks.empty(), Fault::data, [&] { return source.string() + ": " + nothing_of(tasks, name, folder, split); });
  require(folder || picks.size() == 1, Fault::data, [&] {
    return source.string() + ": could be " + picks[0].to + " or " + picks[1].to +
           ": name the task that it belongs to, or its split by --split";
  });
  return picks;
}

}  // namespace

std::vector<ImportedFile> import_data(const TaskBook& book, const std::string& name, const fs::path& source,
                                      const fs::path& target, std::optional<Split> split) {
  std::vector<const Task*> tasks;
  for (const auto& leaf : book.expand(name)) tasks.push_back(&book.tasks.get(leaf));
  const auto picks = pick(tasks, name, source, split);
  const Stage stage(target);
  std::vector<std::string> texts;
  std::vector<ImportedFile> imported;
  for (const auto& one : picks) {
    texts.push_back(read_text_file(one.from));
    fs::create_directories((stage.path() / one.to).parent_path());
    write_file_atomically(stage.path() / one.to, texts.back());
    const auto examples = load_staged(one, stage.path());
    require(!examples.empty(), Fault::data,
            [&] { return one.from.string() + ": found no example, expected at least one"; });
    imported.push_back({.from = one.from,
                        .to = target / one.to,
                        .split = one.file->split,
                        .examples = static_cast<std::int64_t>(examples.size())});
  }
  for (std::size_t i = 0; i < picks.size(); ++i) {
    const fs::path relative = picks[i].to;
    const auto benchmark = *relative.begin();
    const auto hash = sha256(texts[i]);
    fs::create_directories(imported[i].to.parent_path());
    write_file_atomically(imported[i].to, texts[i]);
    auto manifest = Manifest::read(target / benchmark / "MANIFEST.json");
    manifest.put({.path = relative.lexically_relative(benchmark).generic_string(),
                  .sha256 = hash,
                  .rows = imported[i].examples,
                  .source = picks[i].file->origin,
                  .licence = picks[i].file->licence});
    manifest.write(target / benchmark / "MANIFEST.json");
    if (hash == picks[i].file->sha256) imported[i].state = FileState::published;
  }
  return imported;
}

}  // namespace touchstone
