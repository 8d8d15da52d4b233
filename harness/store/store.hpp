#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/measure/calibration.hpp"
#include "harness/measure/measure.hpp"
#include "harness/model/backend.hpp"

namespace touchstone {

/// The machine and the build that made a result; one row for each distinct combination.
struct Environment {
  std::string code_version;  ///< version and commit
  std::string libtorch;
  std::string compiler;
  std::string cpu;
  int cores = 0;
  std::string system;
};

/// A set of weights: a base checkpoint, or the result of a cell.
struct ModelRow {
  std::int64_t id = 0;
  std::string hash;   ///< of the weights; unique together with the three hashes below
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
  std::int64_t environment = 0;
};

enum class CellState : std::uint8_t { running, done, failed };
const char* cell_state_name(CellState state);

/// One (model, method, trained on, seed).
struct CellRow {
  std::int64_t id = 0;
  std::string key;  ///< unique: hash over base weights, recipe, data, seed, dtype
  std::int64_t base_model = 0;
  std::int64_t result_model = 0;  ///< 0 until trained
  std::string method;
  std::string recipe_json;
  std::string trained_on;
  std::string trained_family;  ///< Task::family of trained_on; empty: trained_on itself
  std::uint64_t seed = 0;
  CellState state = CellState::running;
  std::string error;
  int attempts = 0;
  double seconds = 0.0;
  std::int64_t steps = 0;
  std::int64_t tokens = 0;
  std::int64_t peak_bytes = 0;
};

/// How a measured model answered, and at what cost.
struct MeasureWork {
  std::string procedure;            ///< JSON text, keys sorted; empty: without a procedure
  std::int64_t forward_tokens = 0;  ///< run through models, for all questions together
  std::int64_t cache_bytes = 0;     ///< keys and values of the question with the largest cache
};

/// A stored TaskMeasure, without its samples.
struct MeasureRow {
  std::int64_t id = 0;
  std::string key;
  std::int64_t model = 0;
  std::int64_t environment = 0;
  std::string task;
  std::string benchmark;  ///< the name under which reports pool the task; the task itself when it belongs to no group
  std::string family;     ///< Task::family: tasks of one family ask for the same skill
  std::string version;
  std::string data_hash;
  std::string data_origin;
  std::string settings_json;  ///< MeasureSettings without the task list
  std::string mode;
  int shots = 0;
  std::string device;
  std::string dtype;
  std::string kernels;
  int threads = 1;
  int max_length = 0;
  std::int64_t documents = 0;  ///< in the split, before the limit
  std::int64_t items = 0;
  std::vector<Score> scores;  ///< the first is the main one
  double seconds = 0.0;
  std::string measured_utc;
  std::optional<MeasureWork> work;  ///< none: measured by an older program
  std::vector<Warning> warnings;    ///< as they were given when it was measured
};

/// The parts of a sample that comparing two measures needs, with ids instead of texts. Rows of two measures with equal
/// `item` and `prompt` are the same document with the same prompt.
struct ItemRow {
  std::int64_t item = 0;    ///< the document: task, example id, hash of the document and of its target
  std::int64_t prompt = 0;  ///< the prompt's text
  std::string cluster;
  bool correct = false;
  double score = 0.0;  ///< Verdict::score
  double value = 0.0;  ///< of the metric asked for; nan where the item has no value of its own
  std::optional<double> confidence;
  std::vector<double> choice_probability;
  std::vector<int> gold;
};

/// Counts over the samples of one measure.
struct SampleCounts {
  std::int64_t items = 0;
  std::int64_t right = 0;
  std::int64_t unparsed = 0;    ///< no answer could be read
  std::int64_t truncated = 0;   ///< the prompt did not fit and lost tokens
  std::int64_t unfinished = 0;  ///< the limit of new tokens cut the answer
};

/// Runs, cells, curves, measures and every sample, in one SQLite file (WAL, synchronous FULL, foreign keys, STRICT
/// tables, application_id, user_version migrations). Any number of processes may write at once. Each call below is one
/// transaction, so a crash leaves only whole results. Several threads may share an object. Throws Fault::store, a line
/// with file, found and expected: another program's database, a newer schema, a full disk, a network file system.
class Store {
 public:
  /// `create` makes the file when it is missing and brings an older one up to date; `read_only` also works in a folder
  /// that may not be written.
  enum class Open : std::uint8_t { create, read_only };
  explicit Store(const std::filesystem::path& path, Open open = Open::create);
  /// Throws the error that `create` would meet on a database of this name; finds out without writing anything.
  static void check(const std::filesystem::path& path);
  ~Store();
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;

  std::int64_t environment(const Environment& environment);
  /// Adds or finds a row. Rows are the same model when their hashes agree wherever both have one; what it lacked is
  /// filled in.
  std::int64_t model(const ModelRow& row);

  std::int64_t begin_run(const RunRow& row, std::int64_t environment);
  /// The latest run of a plan, in any state; a resumed plan continues it.
  std::optional<RunRow> find_run(const std::string& plan_hash) const;
  void resume_run(std::int64_t run);  ///< state running again, not finished
  void end_run(std::int64_t run, const std::string& state,
               double seconds);  ///< adds to the seconds of earlier attempts

  std::optional<CellRow> find_cell(const std::string& key) const;
  /// Adds a cell, or continues an unfinished or failed one (attempts + 1), and links it to the run. A finished one is
  /// only linked.
  std::int64_t begin_cell(std::int64_t run, const CellRow& row);
  void link_cell(std::int64_t run, std::int64_t cell);  ///< a finished cell of an earlier run is part of this run too
  void stage(std::int64_t cell, const StageReport& report);
  /// Adds points of a curve, in batches. A point of the same stage and step replaces the older one, so a resumed cell
  /// has no duplicates.
  void steps(std::int64_t cell, const std::vector<StepReport>& points);
  /// Stores which files of records a cell's stages made, in place of those stored before.
  void records(std::int64_t cell, const std::vector<RecordFile>& files);
  void finish_cell(std::int64_t cell, const CellRow& row);  ///< state done or failed, result model, error, totals

  std::optional<std::int64_t> find_measure(const std::string& key) const;
  /// Stores scores, every sample, and the calibration of the samples with a confidence. A key that is already there
  /// (stored by another process, say) is left as it is; its id is returned.
  std::int64_t add_measure(const std::string& key, std::int64_t model, std::int64_t environment,
                           const TaskMeasure& measure, const MeasureSettings& settings, const EngineInfo& engine,
                           double seconds);
  /// Links a measure to a run: of a base model ("before") or of a cell's result ("after", cell > 0).
  void link_measure(std::int64_t run, std::int64_t cell, std::int64_t measure);

  // Reading: for reports, gate and export. Rows come in a fixed order (by id), so the same database gives the same
  // report.
  std::vector<RunRow> runs() const;
  std::vector<CellRow> cells(std::optional<std::int64_t> run = std::nullopt) const;
  std::vector<ModelRow> models() const;
  std::vector<Environment> environments() const;  ///< the one with id n is at n - 1
  std::vector<MeasureRow> measures(std::optional<std::int64_t> model = std::nullopt) const;
  std::vector<Sample> samples(std::int64_t measure) const;  ///< in document order
  /// The same rows without texts, several times as fast, with each item's value of `metric`.
  std::vector<ItemRow> items(std::int64_t measure, const std::string& metric = "") const;
  /// The samples of these items (ids as in ItemRow), in the given order; items that the measure lacks are left out.
  std::vector<Sample> samples(std::int64_t measure, const std::vector<std::int64_t>& items) const;
  std::map<std::int64_t, SampleCounts> sample_counts() const;  ///< by measure
  std::vector<StepReport> curve(std::int64_t cell) const;
  std::vector<StageReport> stages(std::int64_t cell) const;  ///< those that ended
  std::vector<RecordFile> records(std::int64_t cell) const;
  /// The measures that a run asked for, by cell; cell 0 stands for the base models.
  std::map<std::int64_t, std::vector<std::int64_t>> run_measures(std::int64_t run) const;
  /// The calibration stored with a measure; none when its samples have no confidence.
  std::optional<Calibration> calibration(std::int64_t measure) const;

  /// SHA-256 over everything that a plan determines: models, runs, cells, stages, curves, measures, scores and samples,
  /// by their keys and in the order of their keys. It leaves out ids, order of insertion, times, memory sizes, attempts
  /// and environments. A run that was killed and resumed has the same digest as one that ran through.
  std::string content_digest() const;
  /// Errors that SQLite's integrity and foreign-key checks find; empty: none.
  std::vector<std::string> problems() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace touchstone
