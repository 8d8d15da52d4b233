#pragma once
// For .cpp files: where a checkpoint folder says how media are prepared for the model.
#include <filesystem>
#include <string>

#include "harness/base/json.hpp"

namespace touchstone {

struct ProcessorSettings {
  std::string where;  ///< the file, for messages
  Json json;
};

/// preprocessor_config.json of a checkpoint folder, or else processor_config.json, or the object under `member` there
/// ("image_processor", "feature_extractor"). Throws Fault::checkpoint naming the file, or that neither is there:
/// "expected one that says `says`".
ProcessorSettings read_processor_settings(const std::filesystem::path& folder, const std::string& member,
                                          const std::string& says);

}  // namespace touchstone
