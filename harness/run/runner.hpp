#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "harness/base/cancel.hpp"
#include "harness/base/log.hpp"
#include "harness/data/task.hpp"
#include "harness/model/backend.hpp"
#include "harness/recipe/plan.hpp"
#include "harness/run/progress.hpp"
#include "harness/run/resources.hpp"
#include "harness/store/store.hpp"

namespace touchstone {

/// The tools of a run. Nothing is global.
struct RunTools {
  const TaskBook* tasks = nullptr;
  const DataFolders* data = nullptr;
  const Resources* resources = nullptr;
  Backend* backend = nullptr;
  Environment environment;
  Log* log = nullptr;
  Progress* progress = nullptr;
  const CancelFlag* cancel = nullptr;
};

/// One (model, method, trained on, seed) of a plan, checked.
struct PlannedCell {
  std::filesystem::path model;
  std::string model_hash;
  std::string method;            ///< its name in the plan
  std::filesystem::path recipe;  ///< the file it was read from
  std::string recipe_json;       ///< the recipe, with the plan's overrides
  std::string train_on;
  std::uint64_t seed = 0;
  std::string key;    ///< in the store and in the work folder
  std::string label;  ///< "asft on gsm8k, seed 1"
};

/// A plan with every name, file and key checked, and an estimate of its cost.
struct CheckedPlan {
  Plan plan;
  std::vector<PlannedCell> cells;
  std::vector<std::filesystem::path> models;
  std::vector<std::string> notes;                ///< what a reader of the plan may not expect
  std::map<MediaKind, std::string> media_tasks;  ///< of each kind of media that is shown, a measured task that does
  /// Values that a task's measures have beside the task's own: "kl_forward".
  std::map<std::string, std::vector<std::string>> further_metrics;
  std::int64_t requests = 0;          ///< of one measurement of all benchmarks
  std::int64_t prompt_tokens = 0;     ///< about, of one measurement
  std::int64_t generated_tokens = 0;  ///< at most, of one measurement
  std::int64_t memory_bytes = 0;      ///< about, with all jobs running
  std::int64_t disk_bytes = 0;        ///< about, at the highest
  double seconds = 0.0;               ///< about
  int jobs = 1;
};

/// The training job of a cell: the same for checking it and for running it. `work` is the plan's folder.
TrainJob train_job_of(const Plan& plan, const PlannedCell& cell, const RunTools& tools,
                      const std::filesystem::path& work);

/// The folder of a cell, below the plan's folder.
std::filesystem::path cell_folder(const std::filesystem::path& work, const PlannedCell& cell);

/// The trained model's folder in it.
std::filesystem::path model_folder(const std::filesystem::path& cell);

/// How a plan opens a checkpoint to measure it.
EngineSettings engine_settings(const Plan& plan, const std::filesystem::path& model);

/// Checks everything before the first step: methods and their keys, tasks, data files, checkpoints, memory and disk.
/// Throws the first error found.
CheckedPlan check_plan(const Plan& plan, const RunTools& tools, const std::filesystem::path& work);

/// A description of what the plan will do, for a person.
std::string describe(const CheckedPlan& plan);

struct RunOutcome {
  std::int64_t run = 0;
  int done = 0;    ///< cells finished now
  int stored = 0;  ///< cells that the store already held
  int failed = 0;
};

/// The row of a run that the store holds. Throws Fault::store for an unknown id.
RunRow stored_run(const Store& store, std::int64_t id);

/// Runs whatever the store lacks: the base models' scores once, then the cells side by side. A cell that fails is
/// recorded with its error, and the others continue. Throws Cancelled when asked to stop; a later call then continues.
RunOutcome run_plan(const CheckedPlan& plan, Store& store, const std::filesystem::path& work, const RunTools& tools);

}  // namespace touchstone
