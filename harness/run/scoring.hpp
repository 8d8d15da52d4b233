#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/run/reference.hpp"
#include "harness/run/runner.hpp"

namespace touchstone {

/// One open checkpoint, with its row in the store.
struct OpenModel {
  std::unique_ptr<Engine> engine;
  std::int64_t model = 0;
  std::filesystem::path folder;
};

/// Opens a checkpoint, without a row in a store yet.
OpenModel open_model(const EngineSettings& settings, const RunTools& tools);

/// Finds or adds the row of an open checkpoint. `label` is what reports call it; empty: the folder's name.
void add_row(OpenModel& open, const std::string& label, Store& store);

/// Both in one call.
OpenModel open_model(const EngineSettings& settings, const std::string& label, Store& store, const RunTools& tools);

/// What scoring works with, and where its results go.
struct ScoringTools {
  Store& store;
  std::int64_t environment = 0;  ///< the store's row of it
  const RunTools& run;
  std::size_t job = 0;                  ///< progress is told as this job's
  std::filesystem::path work = {};      ///< answers are kept here as they come; empty: they are not
  ReferenceModel* reference = nullptr;  ///< that metrics compare with; null: they cannot
};

/// The settings with the hash of the reference, if one of their metrics compares with it: so they are stored. Throws
/// Fault::config when there is none.
MeasureSettings with_reference(MeasureSettings settings, const std::string& hash);

/// Measures what the store lacks, a few tasks at a time, so that a stop loses little; each batch is stored when it is
/// done. Gives the ids of all measures asked for, old and new, in the order of the settings.
std::vector<std::int64_t> score_model(OpenModel& open, const std::vector<MeasureSettings>& measure_on,
                                      const ScoringTools& tools);

/// Logs the warnings that a reader of results needs: prompts that were cut, and data that is not the published one.
void say_warnings(const std::vector<MeasureRow>& rows, Log& log);

}  // namespace touchstone
