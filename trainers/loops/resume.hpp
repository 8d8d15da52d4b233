#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "harness/train/session.hpp"
#include "trainers/loops/adamw.hpp"

namespace touchstone {

/// Everything that a training stage needs to go on as if it had never stopped. Random draws and data are not here: they
/// are pure functions of seed and step.
struct TrainState {
  std::int64_t step = 0;  ///< optimizer steps done
  NamedTensors weights;   ///< what is trained
  NamedTensors moments;   ///< empty in a finished stage's state
  std::map<std::string, double> counters;
  NamedTensors memory{};  ///< what the objective remembers (memory_of)
};

/// Puts a state's weights into parameters. Throws Fault::checkpoint for one that it lacks or has in another shape.
void restore_weights(const TrainState& state, const NamedParameters& parameters);

/// The checkpoints of one training stage below the job's work folder: stage-1/step-00000040, and stage-1/finished once
/// it is over. A checkpoint appears whole or not at all; its manifest holds size and SHA-256 of each file.
class StageCheckpoints {
 public:
  /// `data_hash` is the hash of the rows: with the session's config it tells whether a checkpoint belongs to this job.
  StageCheckpoints(const Session& session, std::string data_hash, int keep = 2);

  /// The newest intact checkpoint, but a finished one before all others; none when there is none. A damaged one is
  /// skipped with a warning. Throws Fault::config, naming what differs, when an intact one was made by another job.
  std::optional<TrainState> load();
  bool finished() const { return finished_; }  ///< what load() gave was the end of the stage

  void save(const TrainState& state);
  /// Ends the stage: keeps its result and removes its checkpoints.
  void finish(const TrainState& state);

 private:
  std::optional<TrainState> read(const std::filesystem::path& folder) const;
  void write(const std::filesystem::path& folder, const TrainState& state) const;
  std::vector<std::filesystem::path> step_folders() const;  ///< newest first

  const Session& session_;
  std::filesystem::path folder_;
  std::string config_;  ///< canonical JSON
  int keep_;
  bool finished_ = false;
};

}  // namespace touchstone
