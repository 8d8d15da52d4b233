#include <set>

#include "harness/base/error.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/data/catalogue.hpp"
#include "harness/measure/measure.hpp"

namespace touchstone {
namespace {

/// What a reader of a score must know of a file; empty: nothing. Throws Fault::data for one that was changed.
std::string remark(const Task& task, const DataFile& file, const FoundFile& found, const FileCheck& check) {
  const auto path = found.path().string();
  require(check.state != FileState::changed, Fault::data, [&] {
    return task.name + ": " + path + " is not what the MANIFEST.json of its folder lists (SHA-256 " +
           check.sha256.substr(0, 12) + "...): it was changed after it was put there; import it again, or remove its " +
           "entry there to use it as it is";
  });
  if (check.state == FileState::listed) {
    return task.name + ": " + path + " is a sample or an import, not the published file (" + file.origin + ")";
  }
  if (check.state == FileState::differs) {
    return task.name + ": " + path + " is not the published file (SHA-256 " + check.sha256.substr(0, 12) +
           "..., published " + file.sha256.substr(0, 12) + "...)";
  }
  return {};
}

/// Of a task that makes its examples itself: what they are decides, whatever made them.
DataIdentity made_identity(const Task& task, const DataFolders& data) {
  Sha256 all;
  std::set<Split> splits = {task.evaluated, task.trained};
  if (task.format.shots_from) splits.insert(*task.format.shots_from);
  for (const auto split : splits) {
    for (const auto& example : task.load(split, data)) {
      all.add(std::string(split_name(split)) + ":" + example.id + ":" + example.doc_hash + "\n");
    }
  }
  return {.hash = all.hex(), .origin = "made by the program", .warnings = {}};
}

}  // namespace

DataIdentity data_identity(const Task& task, const DataFolders& data) {
  if (task.files.empty()) return made_identity(task, data);
  DataIdentity identity;
  Sha256 all;
  std::set<std::string> places;
  std::set<std::string> roots;
  for (const auto& file : task.files) {
    const bool scored = file.split == task.evaluated || file.split == task.format.shots_from;
    const auto found = data.look_for(file);
    if (!found && scored) data.find(task.name, file);  // throws, with all that there is to say
    if (!found) continue;
    const auto check = check_file(file, *found);
    all.add(std::string(split_name(file.split)) + ":" + check.sha256 + "\n");
    places.insert(found->path().parent_path().string());
    if (scored) roots.insert(found->folder.string());
    if (auto line = remark(task, file, *found, check); !line.empty()) identity.warnings.push_back(std::move(line));
  }
  if (roots.size() > 1) {
    identity.warnings.push_back(task.name + ": questions and shots come from different data folders: " +
                                join(std::vector<std::string>(roots.begin(), roots.end()), ", "));
  }
  identity.hash = all.hex();
  identity.origin = join(std::vector<std::string>(places.begin(), places.end()), ", ");
  return identity;
}

std::string task_data_hash(const Task& task, const DataFolders& data) { return data_identity(task, data).hash; }

}  // namespace touchstone
