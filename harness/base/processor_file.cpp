#include "harness/base/processor_file.hpp"

#include "harness/base/error.hpp"

namespace touchstone {

ProcessorSettings read_processor_settings(const std::filesystem::path& folder, const std::string& member,
                                          const std::string& says) {
  for (const auto* name : {"preprocessor_config.json", "processor_config.json"}) {
    const auto path = folder / name;
    if (!std::filesystem::exists(path)) continue;
    Json json;
    try {
      json = read_json(path);
    } catch (const Error& error) {
      throw Error(Fault::checkpoint, error.what());
    }
    if (json.is_object() && json.contains(member)) json = Json(json[member]);
    return {.where = path.string(), .json = std::move(json)};
  }
  throw Error(Fault::checkpoint, folder.string() +
                                     ": found no preprocessor_config.json and no processor_config.json, " +
                                     "expected one that says " + says);
}

}  // namespace touchstone
