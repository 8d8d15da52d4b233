#pragma once
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "harness/compare/verdict.hpp"
#include "harness/measure/looks.hpp"
#include "harness/measure/measure.hpp"

namespace touchstone {

/// One method of a plan: a recipe, the plan's overrides, and the name of both in reports.
struct PlannedMethod {
  std::string name;                        ///< "lora"; "lora-r4" where the plan names a variant
  std::string recipe;                      ///< name of configs/methods/NAME.json, or a path of a recipe file
  std::map<std::string, std::string> set;  ///< "adapt.r" -> JSON text; wins over the plan's own "set"
  std::string tune_key;                    ///< the option that is tuned; empty: the plan's
  std::vector<std::string> tune;           ///< values to try, as JSON text; empty: the plan's
  bool tuned = true;                       ///< false: the plan's "tune" leaves it alone
};

/// How the methods of a plan are tuned alike before they are compared: each at every value, with seeds of their own,
/// measured on questions that the plan itself does not ask.
struct Tuning {
  std::string key;                   ///< "train.learning_rate"
  std::vector<std::string> values;   ///< JSON text; where the best lies at an end, twice or half of it is tried as well
  std::vector<std::uint64_t> seeds;  ///< three, unless the plan lists more
  int grow = 4;                      ///< how often a grid may grow
  std::vector<MeasureSettings> measure_on;
};

/// Where a benchmark's score should lie, in points.
struct Band {
  std::string benchmark;  ///< task or group
  double low = 0.0;
  double high = 0.0;
};

/// How a cell's model is chosen among the checkpoints that its training kept: the last one whose scores all lie in
/// their bands.
struct Choosing {
  std::vector<MeasureSettings> measure_on;
  std::vector<Band> bands;  ///< by the benchmarks' names
};

/// What to run: models x methods x training tasks x seeds, each measured on the benchmarks. Mirrors a plan file.
struct Plan {
  std::string name;
  std::vector<std::string> models;  ///< checkpoint folders, or names of models that come with the program
  std::vector<PlannedMethod> methods;
  std::vector<std::string> train_on;  ///< tasks or groups
  std::vector<std::uint64_t> seeds;
  std::vector<MeasureSettings> measure_on;  ///< one entry for tasks with equal settings
  /// Whether training writes its rows with the chat template: true as soon as one measurement uses it.
  bool trains_with_chat() const {
    return std::any_of(measure_on.begin(), measure_on.end(), [](const auto& settings) { return settings.chat; });
  }
  /// Overrides for every recipe with a stage of that name: "train.learning_rate" -> JSON text. Each must match a stage.
  std::map<std::string, std::string> set;
  std::string about;          ///< the method whose paper the plan is about; empty: none
  std::vector<Claim> claims;  ///< the expected findings, for `touchstone verdict`
  /// Seeds are added at the looks of sequential_looks() until the main claim is decided; the stored plan says so, since
  /// a look is judged at a level of its own.
  bool until_decided = false;
  std::optional<Tuning> tune;
  std::optional<Choosing> choose;
  std::string device = "auto";
  std::string dtype = "float32";       ///< of the matrix products
  std::string save_dtype = "float32";  ///< of the trained weights, as they are measured and kept
  int threads = 1;                     ///< tensor threads of one job
  int jobs = 0;                        ///< cells side by side; 0: cores / threads
  int batch_tokens = 4096;
  int save_every_steps = 50;
  bool keep_models = false;  ///< keep the trained checkpoints after they were measured
  bool keep_records = true;  ///< keep the records that stages made
  std::string where;         ///< the plan's file, for messages
  std::string json;          ///< canonical text of the file
  std::string hash;          ///< SHA-256 of that text
};

/// Reads and checks a plan file: every key, type and range. The runner checks names, because it knows which exist.
/// Throws Fault::config or Fault::data, naming file, key, found and expected.
Plan read_plan(const std::filesystem::path& path);

/// The plan with another model: another plan, whose results are its own.
Plan with_model(Plan plan, const std::string& model);

/// The values that are tried first, of each method that is tuned.
std::vector<TriedGrid> first_grids(const Plan& plan);

/// The plan that tries these values: a method for each. Throws Fault::config when the plan says nothing of tuning.
Plan tuning_plan(const Plan& plan, const std::vector<TriedGrid>& grids);
/// With the values that are tried first.
Plan tuning_plan(const Plan& plan);

/// The looks of a plan that is run until its main claim is decided.
std::span<const SeedLook> looks_of(const Plan& plan);

/// Its last look; of a plan without looks, all its seeds at the level 0.05.
SeedLook last_look(const Plan& plan);

/// The plan at a look with so many seeds: its own, in order, then the whole numbers after its largest one (without the
/// tuning's seeds). Throws Fault::config when the plan has no claims.
Plan plan_at_look(const Plan& plan, std::size_t seeds);

/// What the plan will hold when it has run, without any result.
CellSource unrun_cells(const Plan& plan);

}  // namespace touchstone
