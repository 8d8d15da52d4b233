#include "harness/run/resources.hpp"

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace fs = std::filesystem;
namespace {

bool holds_methods(const fs::path& folder) { return fs::is_directory(folder / "configs" / "methods"); }

}  // namespace

fs::path program_folder() {
  std::error_code failed;
  const auto path = fs::read_symlink("/proc/self/exe", failed);
  return failed ? fs::current_path() : path.parent_path();
}

fs::path user_cache() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0') {
    return fs::path(cache) / "touchstone";
  }
  const char* home = std::getenv("HOME");
  return fs::path(home == nullptr ? "." : home) / ".cache" / "touchstone";
}

Resources Resources::find() {
  if (const char* named = std::getenv("TOUCHSTONE_SHARE"); named != nullptr && *named != '\0') {
    require(holds_methods(named), Fault::config, [&] {
      return "TOUCHSTONE_SHARE is '" + std::string(named) + "', expected a folder that holds configs/methods";
    });
    return Resources(named);
  }
  const auto installed = program_folder().parent_path() / "share" / "touchstone";
  if (holds_methods(installed)) return Resources(installed);
  for (auto folder = program_folder(); folder.has_relative_path(); folder = folder.parent_path()) {
    if (holds_methods(folder)) return Resources(folder);
  }
  throw Error(Fault::config, "the folder configs of this program is neither in " + installed.string() + " nor above " +
                                 program_folder().string() + ": name the folder that holds it with TOUCHSTONE_SHARE");
}

std::vector<std::string> Resources::methods() const {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder_ / "configs" / "methods")) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> Resources::plans() const {
  const auto folder = folder_ / "configs" / "plans";
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::recursive_directory_iterator(folder, none)) {
    if (entry.path().extension() != ".json") continue;
    names.push_back(entry.path().lexically_relative(folder).replace_extension().generic_string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

fs::path Resources::plan(const std::string& name) const {
  if (fs::exists(name) || name.ends_with(".json")) return name;  // reading it says what is wrong with it
  const auto known = plans();
  require(std::find(known.begin(), known.end(), name) != known.end(), Fault::config,
          [&] { return unknown_name("plan", name, known); });
  return folder_ / "configs" / "plans" / (name + ".json");
}

fs::path Resources::verdicts() const { return folder_ / "configs" / "verdicts.json"; }

fs::path Resources::method(const std::string& name) const {
  if (name.find('/') != std::string::npos || name.ends_with(".json")) {
    require(fs::is_regular_file(name), Fault::config, [&] { return "method '" + name + "': there is no such file"; });
    return name;
  }
  const auto known = methods();
  require(std::find(known.begin(), known.end(), name) != known.end(), Fault::config,
          [&] { return unknown_name("method", name, known); });
  return folder_ / "configs" / "methods" / (name + ".json");
}

fs::path Resources::model(const std::string& name, const std::vector<fs::path>& data) const {
  if (fs::is_directory(name)) return name;
  const bool is_path = name.find('/') != std::string::npos || name.empty();
  std::vector<fs::path> places;
  if (!is_path) {
    places.push_back(folder_ / "models" / name);
    for (const auto& folder : data) places.push_back(folder / "models" / name);
    for (const auto& folder : data) places.push_back(folder / ("model_" + name) / "hf");
  }
  for (const auto& place : places) {
    if (fs::is_directory(place)) return place;
  }
  std::string message = "model '" + name + "': there is no such checkpoint folder";
  if (!is_path) {
    std::vector<std::string> carried;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(folder_ / "models", none)) {
      carried.push_back(entry.path().filename().string());
    }
    const auto near = nearest_name(name, carried);
    message += ", and none of that name in " + (folder_ / "models").string() +
               (near.empty() ? "" : ": did you mean '" + near + "'?");
  }
  throw Error(Fault::checkpoint, message);
}

std::vector<fs::path> Resources::data_folders(const std::string& named) const {
  std::vector<fs::path> folders;
  const auto add = [&](const fs::path& folder, const char* who) {
    require(fs::is_directory(folder), Fault::data,
            [&] { return std::string(who) + " names " + folder.string() + ", which is not a folder"; });
    folders.push_back(folder);
  };
  if (!named.empty()) add(named, "--data");
  if (const char* data = std::getenv("TOUCHSTONE_DATA"); data != nullptr && *data != '\0') add(data, "TOUCHSTONE_DATA");
  if (fs::is_directory(user_cache() / "data")) folders.push_back(user_cache() / "data");
  folders.push_back(folder_ / "data" / "samples");
  return folders;
}

fs::path Resources::catalogue() const {
  if (const char* library = std::getenv("TOUCHSTONE_TENSOR_LIBRARY"); library != nullptr && *library != '\0') {
    auto beside = fs::path(library).parent_path() / "catalogue.json";
    if (fs::exists(beside)) return beside;
  }
  const auto built = program_folder() / "catalogue.json";
  return fs::exists(built) ? built : folder_ / "catalogue.json";
}

}  // namespace touchstone
