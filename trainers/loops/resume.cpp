#include "trainers/loops/resume.hpp"

#include <algorithm>
#include <cstdio>

#include "harness/base/files.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace fs = std::filesystem;
namespace {

constexpr int checkpoint_format = 1;
constexpr const char* manifest_name = "manifest.json";

std::string step_name(std::int64_t step) {
  char text[32];
  std::snprintf(text, sizeof text, "step-%08lld", static_cast<long long>(step));
  return text;
}

/// The first key whose value differs, in words.
std::string difference(const Json& found, const Json& wanted) {
  for (const auto& member : wanted.items()) {
    const auto there = found.contains(member.key()) ? found[member.key()].dump() : "nothing";
    if (there != member.value().dump()) {
      return member.key() + " was " + there.substr(0, 80) + ", is " + member.value().dump().substr(0, 80);
    }
  }
  return "its format";
}

}  // namespace

void restore_weights(const TrainState& state, const NamedParameters& parameters) {
  const at::NoGradGuard no_grad;
  for (const auto& parameter : parameters) {
    const auto& name = parameter.first;
    const auto found = state.weights.find(name);
    require(found != state.weights.end() && found->second.sizes() == parameter.second->sizes(), Fault::checkpoint, [&] {
      return "the checkpoint to resume from has no tensor '" + name + "' of shape " +
             c10::str(parameter.second->sizes());
    });
    parameter.second->copy_(found->second);
  }
}

StageCheckpoints::StageCheckpoints(const Session& session, std::string data_hash, int keep)
    : session_(session), folder_(session.job->work / ("stage-" + std::to_string(session.stage))), keep_(keep) {
  auto config = parse_json(session.config_json, "training job");
  config["data_hash"] = std::move(data_hash);
  config["stage"] = session.stage;
  config_ = config.dump();
}

std::vector<fs::path> StageCheckpoints::step_folders() const {
  std::vector<fs::path> all;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder_, none)) {
    const auto name = entry.path().filename().string();
    if (entry.is_directory() && name.size() == 13 && name.starts_with("step-")) all.push_back(entry.path());
  }
  std::sort(all.rbegin(), all.rend());
  return all;
}

std::optional<TrainState> StageCheckpoints::load() {
  const auto final_folder = folder_ / "finished";
  if (fs::exists(final_folder)) {
    if (auto state = read(final_folder)) {
      finished_ = true;
      return state;
    }
  }
  for (const auto& folder : step_folders()) {
    if (auto state = read(folder)) return state;
  }
  return std::nullopt;
}

std::optional<TrainState> StageCheckpoints::read(const fs::path& folder) const {
  TrainState state;
  Json manifest;
  try {
    manifest = read_json(folder / manifest_name);
    for (const auto& file : manifest.at("files").items()) {
      const auto path = folder / fs::path(file.key()).filename();
      const bool intact =
          static_cast<std::int64_t>(fs::file_size(path)) == whole_number(file.value().at("bytes"), 0, INT64_MAX) &&
          sha256_file(path) == file.value().at("sha256").get<std::string>();
      if (!intact)
        throw Error(Fault::checkpoint,
                    path.string() + ": was changed after it was written: its manifest says something else");
    }
    state.step = whole_number(manifest.at("step"), 0, INT64_MAX);
    state.counters = manifest.at("counters").get<std::map<std::string, double>>();
    state.weights = session_.checkpoints->read_tensors(folder / "weights.safetensors");
    if (manifest.at("files").contains("moments.safetensors")) {
      state.moments = session_.checkpoints->read_tensors(folder / "moments.safetensors");
    }
    if (manifest.at("files").contains("memory.safetensors")) {
      state.memory = session_.checkpoints->read_tensors(folder / "memory.safetensors");
    }
  } catch (const std::exception& error) {
    if (session_.hooks->log != nullptr) {
      session_.hooks->log->warn("checkpoint " + folder.string() + " is damaged and passed over: " + error.what());
    }
    return std::nullopt;
  }
  const auto wanted = parse_json(config_, "training job");
  const auto found = manifest.contains("config") ? manifest["config"] : Json();
  const bool same = found == wanted && manifest.contains("format") && manifest["format"] == checkpoint_format;
  require(same, Fault::config, [&] {
    return folder.string() + ": is a checkpoint of another job: " + difference(found, wanted) +
           "; remove it, or name another work folder";
  });
  return state;
}

void StageCheckpoints::write(const fs::path& folder, const TrainState& state) const {
  fs::create_directories(folder_);
  FolderWriter writer(folder);
  Json files = Json::object();
  const auto put = [&](const std::string& name, const NamedTensors& tensors) {
    const auto path = writer.path() / name;
    session_.checkpoints->write_tensors(path, tensors);
    files[name] = {{"bytes", fs::file_size(path)}, {"sha256", sha256_file(path)}};
  };
  put("weights.safetensors", state.weights);
  if (!state.moments.empty()) put("moments.safetensors", state.moments);
  if (!state.memory.empty()) put("memory.safetensors", state.memory);
  const Json manifest = {{"format", checkpoint_format},
                         {"step", state.step},
                         {"config", parse_json(config_, "training job")},
                         {"counters", state.counters},
                         {"files", files}};
  write_file_atomically(writer.path() / manifest_name, manifest.dump(2) + "\n");
  writer.commit();
}

void StageCheckpoints::save(const TrainState& state) {
  write(folder_ / step_name(state.step), state);
  const auto all = step_folders();
  for (std::size_t i = static_cast<std::size_t>(keep_); i < all.size(); ++i) fs::remove_all(all[i]);
}

void StageCheckpoints::finish(const TrainState& state) {
  write(folder_ / "finished", state);
  for (const auto& folder : step_folders()) fs::remove_all(folder);
}

}  // namespace touchstone
