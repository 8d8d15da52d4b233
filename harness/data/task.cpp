#include "harness/data/task.hpp"

#include <algorithm>
#include <set>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace fs = std::filesystem;

const char* split_name(Split split) {
  switch (split) {
    case Split::train:
      return "train";
    case Split::validation:
      return "validation";
    case Split::test:
      return "test";
    case Split::dev:
      return "dev";
  }
  return "test";
}

namespace {

void expand_into(const TaskBook& book, const std::string& name, int depth, std::vector<std::string>& leaves) {
  require(depth < 16, Fault::config, [&] { return "task group '" + name + "' contains itself"; });
  if (!book.groups.has(name)) {
    if (!book.tasks.has(name)) {
      auto known = book.groups.names();
      for (auto& task : book.tasks.names()) known.push_back(std::move(task));
      throw Error(Fault::config, unknown_name("task", name, known));
    }
    leaves.push_back(name);
    return;
  }
  for (const auto& member : book.groups.get(name).members) expand_into(book, member, depth + 1, leaves);
}

}  // namespace

std::filesystem::path DataFolders::find(const std::string& task, const DataFile& file) const {
  if (const auto found = look_for(file)) return found->path();
  std::vector<std::string> places;
  for (const auto& folder : folders_) places.push_back(folder.string());
  throw Error(Fault::data, task + ": its " + split_name(file.split) + " data is missing: looked for " +
                               join(file.paths, " or ") + " in " +
                               (places.empty() ? "no data folder at all" : join(places, ", ")) + "; it comes from " +
                               file.origin + "; place it in one of these, or give its folder with --data or " +
                               "$TOUCHSTONE_DATA, or run 'touchstone data import " + task + " FILE'");
}

std::optional<FoundFile> DataFolders::look_for(const DataFile& file) const {
  for (const auto& folder : folders_) {
    for (const auto& path : file.paths) {
      std::error_code ignored;
      if (fs::exists(folder / path, ignored)) return FoundFile{folder, path};
    }
  }
  return std::nullopt;
}

std::vector<std::string> TaskBook::expand(const std::string& name) const {
  std::vector<std::string> leaves;
  expand_into(*this, name, 0, leaves);
  return leaves;
}

std::string TaskBook::family(const std::string& name) const {
  if (!tasks.has(name) && !groups.has(name)) return name;
  std::set<std::string> found;
  for (const auto& leaf : expand(name)) {
    const auto& own = tasks.get(leaf).family;
    found.insert(own.empty() ? leaf : own);
  }
  return found.size() == 1 ? *found.begin() : name;
}

std::string TaskBook::benchmark(const std::string& leaf) const {
  std::string found = leaf;
  std::size_t most = 0;
  for (const auto& name : groups.names()) {
    if (groups.get(name).metrics.empty()) continue;
    const auto leaves = expand(name);
    if (leaves.size() > most && std::find(leaves.begin(), leaves.end(), leaf) != leaves.end()) {
      most = leaves.size();
      found = name;
    }
  }
  return found;
}

}  // namespace touchstone
