#include "harness/run/trained.hpp"

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/run/runner.hpp"

namespace touchstone {
namespace fs = std::filesystem;
namespace {

fs::path trained_file(const fs::path& cell) { return cell / "trained.json"; }

Json to_json(const RecordFile& file) {
  return {{"stage", file.stage},     {"name", file.name},       {"file", file.file},   {"rows", file.rows},
          {"answers", file.answers}, {"written", file.written}, {"bytes", file.bytes}, {"sha256", file.sha256}};
}

RecordFile record_from(const Json& json) {
  RecordFile file;
  file.stage = json.at("stage");
  file.name = json.at("name");
  file.file = json.at("file");
  file.rows = json.at("rows");
  file.answers = json.at("answers");
  file.written = json.at("written");
  file.bytes = json.at("bytes");
  file.sha256 = json.at("sha256");
  return file;
}

TrainResult result_from(const Json& json) {
  TrainResult result;
  result.model_hash = json.at("model_hash");
  result.steps = json.at("steps");
  result.tokens = json.at("tokens");
  result.peak_bytes = json.at("peak_bytes");
  for (const auto& file : json.at("records")) result.records.push_back(record_from(file));
  return result;
}

}  // namespace

void keep_trained(const fs::path& cell, const TrainedBy& by, const TrainResult& result) {
  Json json = {{"key", by.key},           {"code_version", by.code_version}, {"model_hash", result.model_hash},
               {"steps", result.steps},   {"tokens", result.tokens},         {"peak_bytes", result.peak_bytes},
               {"records", Json::array()}};
  for (const auto& file : result.records) json["records"].push_back(to_json(file));
  write_file_atomically(trained_file(cell), json.dump());
}

std::optional<TrainResult> kept_training(const fs::path& cell, const TrainedBy& by, Backend& backend) {
  if (!fs::exists(trained_file(cell)) || !fs::exists(model_folder(cell))) return std::nullopt;
  try {
    const auto json = read_json(trained_file(cell));
    if (json.at("key") != by.key || json.at("code_version") != by.code_version) return std::nullopt;
    auto result = result_from(json);
    if (backend.inspect(model_folder(cell)).model_hash != result.model_hash) return std::nullopt;
    return result;
  } catch (const Error&) {
    return std::nullopt;  // a file or a model that cannot be read: it is trained again
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace touchstone
