#include "harness/run/runner.hpp"

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/base/process.hpp"
#include "harness/base/stopwatch.hpp"
#include "harness/compare/compare.hpp"
#include "harness/run/choose.hpp"
#include "harness/run/reference.hpp"
#include "harness/run/scoring.hpp"
#include "harness/run/trained.hpp"

namespace touchstone {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t curve_batch = 20;

/// State shared by the cells of one run.
struct Run {
  const CheckedPlan& checked;
  Store& store;
  const fs::path& work;
  const RunTools& tools;
  std::int64_t id = 0;
  std::int64_t environment = 0;
  std::map<std::string, std::int64_t> base_models;                          ///< by checkpoint folder
  std::unique_ptr<AnswerMemory> memory = std::make_unique<AnswerMemory>();  ///< of the bases
};

ScoringTools scoring_tools(const Run& run, std::size_t job, const std::filesystem::path& work,
                           ReferenceModel& reference) {
  return {.store = run.store,
          .environment = run.environment,
          .run = run.tools,
          .job = job,
          .work = work,
          .reference = &reference};
}

/// What a base is measured on: all that any cell is.
std::vector<MeasureSettings> base_measures(const Plan& plan) {
  std::vector<MeasureSettings> all;
  for (const auto& settings : plan.measure_on) {
    if (!settings.fresh) {
      all.push_back(settings);
      continue;
    }
    for (const auto seed : plan.seeds) all.push_back(measured_with({settings}, seed).front());
  }
  return all;
}

/// Scores the base models, once a plan.
void measure_bases(Run& run) {
  for (std::size_t i = 0; i < run.checked.models.size(); ++i) {
    const auto& folder = run.checked.models[i];
    run.tools.progress->begin(i, "base " + folder.filename().string());
    auto open = open_model(engine_settings(run.checked.plan, folder), run.checked.plan.models[i], run.store, run.tools);
    run.base_models[folder.string()] = open.model;
    ReferenceModel itself(engine_settings(run.checked.plan, folder), open.engine->info().model_hash, run.tools,
                          *run.memory);
    for (const auto measure :
         score_model(open, base_measures(run.checked.plan), scoring_tools(run, i, run.work / "base", itself))) {
      run.store.link_measure(run.id, 0, measure);
    }
    run.tools.progress->end(i, "measured");
    say_warnings(run.store.measures(open.model), *run.tools.log);
  }
}

/// What this run measured of the cell's base, here or on another machine.
std::vector<MeasureRow> base_rows(const Run& run, const PlannedCell& cell) {
  const auto linked = run.store.run_measures(run.id)[0];
  auto rows = run.store.measures(run.base_models.at(cell.model.string()));
  std::erase_if(rows,
                [&](const MeasureRow& row) { return std::find(linked.begin(), linked.end(), row.id) == linked.end(); });
  return rows;
}

/// The measures of a set of weights that this plan wants; none if one of them is missing, or was measured in another
/// way than the base (other kernels), so that the two could not be compared.
std::optional<std::vector<std::int64_t>> stored_measures(const Run& run, std::int64_t model, const PlannedCell& cell) {
  const auto rows = run.store.measures(model);
  const auto bases = base_rows(run, cell);
  std::vector<std::int64_t> ids;
  for (const auto& settings : measured_with(run.checked.plan.measure_on, cell.seed)) {
    const auto wanted = settings_json(with_reference(settings, cell.model_hash));
    for (const auto& leaf : measured_tasks(settings, *run.tools.tasks, *run.tools.data)) {
      const Task& task = run.tools.tasks->tasks.get(leaf);
      const auto data = task_data_hash(task, *run.tools.data, settings);
      const auto found = std::find_if(rows.begin(), rows.end(), [&](const MeasureRow& row) {
        const auto alike = [&](const MeasureRow& base) { return equal_settings(base, row); };
        return row.task == leaf && row.version == task.version && row.data_hash == data &&
               row.settings_json == wanted && std::any_of(bases.begin(), bases.end(), alike);
      });
      if (found == rows.end()) return std::nullopt;
      ids.push_back(found->id);
    }
  }
  return ids;
}

/// Writes curve points in batches, and the remaining ones at the end.
class CurveWriter {
 public:
  CurveWriter(Store& store, std::int64_t cell) : store_(store), cell_(cell) {}
  void add(const StepReport& report) {
    points_.push_back(report);
    if (points_.size() >= curve_batch) flush();
  }
  void flush() {
    if (!points_.empty()) store_.steps(cell_, points_);
    points_.clear();
  }

 private:
  Store& store_;
  std::int64_t cell_;
  std::vector<StepReport> points_;
};

TrainResult train(const Run& run, const PlannedCell& cell, std::int64_t id, std::size_t job) {
  const auto train = train_job_of(run.checked.plan, cell, run.tools, run.work);
  CurveWriter curve(run.store, id);
  TrainHooks hooks;
  hooks.log = run.tools.log;
  hooks.cancel = run.tools.cancel;
  hooks.step = [&](const StepReport& report) {
    curve.add(report);
    run.tools.progress->step(job, report);
  };
  hooks.stage = [&](const StageReport& report) { run.store.stage(id, report); };
  hooks.saving = [&] { curve.flush(); };
  const auto result = run.tools.backend->train(train, hooks);
  curve.flush();
  return result;
}

/// Removes files of a finished cell that the plan does not keep.
void clear_folder(const fs::path& folder, const Plan& plan) {
  const auto records = records_folder(model_folder(folder));
  std::error_code ignored;
  std::vector<fs::path> gone;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path() == records ? !plan.keep_records : !plan.keep_models) gone.push_back(entry.path());
  }
  for (const auto& path : gone) fs::remove_all(path, ignored);
  fs::remove(folder, ignored);  // succeeds only when it is empty
}

/// Trains and measures one cell. Whatever is stored already is not computed again.
void run_cell(const Run& run, const PlannedCell& cell, std::size_t job) {
  const Stopwatch watch;
  CellRow row;
  row.key = cell.key;
  row.base_model = run.base_models.at(cell.model.string());
  row.method = cell.method;
  row.trained_on = cell.train_on;
  row.trained_family = run.tools.tasks->family(cell.train_on);
  row.seed = cell.seed;
  row.recipe_json = cell.recipe_json;
  row.id = run.store.begin_cell(run.id, row);
  // The process's peak memory is the cell's only if no other cell runs beside it.
  if (run.checked.jobs == 1) restart_peak_resident();
  try {
    const auto folder = cell_folder(run.work, cell);
    const TrainedBy by{.key = cell.key, .code_version = run.tools.environment.code_version};
    auto kept = kept_training(folder, by, *run.tools.backend);
    auto trained = kept ? std::move(*kept) : train(run, cell, row.id, job);
    keep_trained(folder, by, trained);
    ReferenceModel base(engine_settings(run.checked.plan, cell.model), cell.model_hash, run.tools, *run.memory);
    const auto tools = scoring_tools(run, job, folder, base);
    if (run.checked.plan.choose) trained.steps = choose_checkpoint(run.checked.plan, cell, trained.steps, tools);
    auto open = open_model(engine_settings(run.checked.plan, model_folder(folder)), cell.label, run.store, run.tools);
    trained.model_hash = open.engine->info().model_hash;
    keep_trained(folder, by, trained);
    for (const auto measure : score_model(open, measured_with(run.checked.plan.measure_on, cell.seed), tools)) {
      run.store.link_measure(run.id, row.id, measure);
    }
    row.state = CellState::done;
    row.result_model = open.model;
    row.steps = trained.steps;
    row.tokens = trained.tokens;
    row.peak_bytes = trained.peak_bytes;
    run.store.records(row.id, trained.records);
    row.seconds = watch.seconds();
    run.store.finish_cell(row.id, row);
  } catch (const Error& error) {
    row.state = CellState::failed;
    row.error = error.what();
    row.seconds = watch.seconds();
    run.store.finish_cell(row.id, row);
    throw;
  }
  clear_folder(cell_folder(run.work, cell), run.checked.plan);
}

/// Links a cell instead of running it, when the store holds it as done with all measures that this plan wants.
bool take_stored(const Run& run, const PlannedCell& cell) {
  const auto found = run.store.find_cell(cell.key);
  if (!found || found->state != CellState::done) return false;
  const auto linked = stored_measures(run, found->result_model, cell);
  if (!linked) return false;
  run.store.link_cell(run.id, found->id);
  for (const auto measure : *linked) run.store.link_measure(run.id, found->id, measure);
  return true;
}

}  // namespace

namespace {

/// Runs all cells, `jobs` side by side. An Error ends only its own cell. The run ends at a stop request, a bug, a disk
/// or a database that accepts nothing more, because the other cells would fail on that too.
void run_cells(const Run& run, RunOutcome& outcome) {
  std::mutex mutex;
  std::exception_ptr stop;
  std::atomic<bool> stopped{false};
  const auto body = [&](std::size_t i) {
    if (stopped) return;
    const auto& cell = run.checked.cells[i];
    const std::size_t job = run.checked.models.size() + i;
    run.tools.progress->begin(job, cell.label);
    std::string said;
    try {
      const bool stored = take_stored(run, cell);
      if (!stored) run_cell(run, cell, job);
      said = stored ? "stored already" : "done";
      const std::lock_guard lock(mutex);
      ++(stored ? outcome.stored : outcome.done);
    } catch (const Error& error) {
      said = std::string("failed: ") + error.what();
      const std::lock_guard lock(mutex);
      ++outcome.failed;
      if (error.fault() == Fault::store) {
        stopped = true;
        if (!stop) stop = std::current_exception();
      }
    } catch (...) {
      said = "stopped";
      stopped = true;
      const std::lock_guard lock(mutex);
      if (!stop) stop = std::current_exception();
    }
    run.tools.progress->end(job, said);
  };
  tbb::task_arena arena(run.checked.jobs);
  arena.execute([&] {
    tbb::parallel_for(
        tbb::blocked_range<std::size_t>(0, run.checked.cells.size(), 1),
        [&](const tbb::blocked_range<std::size_t>& range) {
          // Isolated: a cell that waits for its own parallel loops must not start another cell meanwhile.
          for (auto i = range.begin(); i != range.end(); ++i) tbb::this_task_arena::isolate([&] { body(i); });
        },
        tbb::simple_partitioner());
  });
  if (stop) std::rethrow_exception(stop);
}

}  // namespace

EngineSettings engine_settings(const Plan& plan, const fs::path& model) {
  EngineSettings settings;
  settings.model = model;
  settings.device = plan.device;
  settings.dtype = plan.dtype;
  settings.threads = plan.threads;
  settings.batch_tokens = plan.batch_tokens;
  return settings;
}

RunRow stored_run(const Store& store, std::int64_t id) {
  for (auto& run : store.runs()) {
    if (run.id == id) return run;
  }
  throw Error(Fault::store, "run " + std::to_string(id) + " is not in the database");
}

RunOutcome run_plan(const CheckedPlan& checked, Store& store, const fs::path& work, const RunTools& tools) {
  const Stopwatch watch;
  const auto seconds = [&] { return watch.seconds(); };
  const FolderLock lock(work);
  Run run{checked, store, work, tools, 0, store.environment(tools.environment), {}};
  if (const auto earlier = store.find_run(checked.plan.hash)) {
    run.id = earlier->id;
    store.resume_run(run.id);
  } else {
    RunRow row;
    row.name = checked.plan.name;
    row.plan_json = checked.plan.json;
    row.plan_hash = checked.plan.hash;
    run.id = store.begin_run(row, run.environment);
  }
  RunOutcome outcome;
  outcome.run = run.id;
  tools.progress->plan(checked.plan.name, checked.models.size() + checked.cells.size());
  try {
    measure_bases(run);
    run_cells(run, outcome);
  } catch (const Cancelled&) {
    store.end_run(run.id, "stopped", seconds());
    throw;
  } catch (...) {
    store.end_run(run.id, "failed", seconds());
    throw;
  }
  store.end_run(run.id, outcome.failed == 0 ? "done" : "failed", seconds());
  return outcome;
}

}  // namespace touchstone
