#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/measure/measure.hpp"
#include "harness/model/backend.hpp"

namespace touchstone {

/// The machine and the build that made a result; one row each distinct combination.
struct Environment {
  std::string code_version;  ///< version and commit
  std::string libtorch;
  std::string compiler;
  std::string cpu;
  int cores = 0;
  std::string system;
};

/// A set of weights: a base checkpoint, or what a cell made.
struct ModelRow {
  std::int64_t id = 0;
  std::string hash;   ///< unique
  std::string label;  ///< folder name; never an absolute path
  std::string family;
  std::int64_t parameters = 0;
  std::string config_hash;
  std::string tokenizer_hash;
  std::string template_hash;
};

struct RunRow {
  std::int64_t id = 0;
  std::string name;
  std::string plan_json;
  std::string plan_hash;
  std::string started_utc;  ///< ISO 8601
  std::string finished_utc;
  std::string state;  ///< running | done | failed | stopped
  double seconds = 0.0;
};

enum class CellState : std::uint8_t { running, done, failed };

/// One (model, method, trained on, seed).
struct CellRow {
  std::int64_t id = 0;
  std::string key;  ///< unique: hash over base weights, recipe, data, seed, dtype
  std::int64_t base_model = 0;
  std::int64_t result_model = 0;  ///< 0 until trained
  std::string method;
  std::string recipe_json;
  std::string trained_on;
  std::uint64_t seed = 0;
  CellState state = CellState::running;
  std::string error;
  int attempts = 0;
  double seconds = 0.0;
  std::int64_t steps = 0;
  std::int64_t tokens = 0;
  std::int64_t peak_bytes = 0;
};

/// A stored TaskMeasure, without its samples.
struct MeasureRow {
  std::int64_t id = 0;
  std::string key;
  std::int64_t model = 0;
  std::string task;
  std::string version;
  std::string data_hash;
  std::string data_origin;
  std::string settings_json;  ///< MeasureSettings without the task list
  std::string mode;
  int shots = 0;
  std::int64_t items = 0;
  std::vector<Score> scores;  ///< the first is the main one
  double seconds = 0.0;
};

/// Runs, cells, curves, measures and every sample, in one SQLite file (WAL, synchronous FULL, foreign keys, STRICT
/// tables, application_id, user_version migrations). Any number of processes may write at once; each call below is one
/// transaction, so a crash leaves whole results only. One object serves several threads. Throws Fault::store, one line
/// naming file, found and expected: another program's database, a newer schema, a full disk, a network file system.
class Store {
 public:
  enum class Open : std::uint8_t { create, read_only };
  explicit Store(const std::filesystem::path& path, Open open = Open::create);
  ~Store();
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;

  std::int64_t environment(const Environment& environment);
  std::int64_t model(const ModelRow& row);  ///< by hash: adds or finds

  std::int64_t begin_run(const RunRow& row, std::int64_t environment);
  void end_run(std::int64_t run, const std::string& state, double seconds);

  std::optional<CellRow> find_cell(const std::string& key) const;
  std::int64_t begin_cell(std::int64_t run,
                          const CellRow& row);          ///< adds, or takes up an unfinished one (attempts + 1)
  void link_cell(std::int64_t run, std::int64_t cell);  ///< a finished cell of an earlier run is part of this run too
  void stage(std::int64_t cell, const StageReport& report);
  /// Points of a curve, in batches; a point of the same stage and step replaces the older one, so resuming leaves no
  /// duplicates.
  void steps(std::int64_t cell, const std::vector<StepReport>& points);
  void finish_cell(std::int64_t cell, const CellRow& row);  ///< state done or failed, result model, error, totals

  std::optional<std::int64_t> find_measure(const std::string& key) const;
  std::int64_t add_measure(const std::string& key, std::int64_t model, std::int64_t environment,
                           const TaskMeasure& measure, const MeasureSettings& settings, const EngineInfo& engine,
                           double seconds);
  /// A measure that a run asked for, of a base model ("before") or of a cell's result ("after", cell > 0).
  void link_measure(std::int64_t run, std::int64_t cell, std::int64_t measure);

  // Reading: for reports, gate and export. Rows come in a fixed order (by id), so the same database gives the same
  // report.
  std::vector<RunRow> runs() const;
  std::vector<CellRow> cells(std::optional<std::int64_t> run = std::nullopt) const;
  std::vector<ModelRow> models() const;
  std::vector<Environment> environments() const;
  std::vector<MeasureRow> measures(std::optional<std::int64_t> model = std::nullopt) const;
  std::vector<Sample> samples(std::int64_t measure) const;
  std::vector<StepReport> curve(std::int64_t cell) const;
  std::vector<StageReport> stages(std::int64_t cell) const;
  /// The measures that a run asked for: cell 0 holds the base models' ones.
  std::map<std::int64_t, std::vector<std::int64_t>> run_measures(std::int64_t run) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace touchstone
