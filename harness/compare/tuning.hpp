#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/compare/claims/claim.hpp"
#include "harness/store/store.hpp"

namespace touchstone {

/// The values of one option of one method that are tried.
struct TriedGrid {
  std::string method;
  std::string key;                  ///< STAGE.KEY
  std::vector<std::string> values;  ///< JSON texts; numbers rise
};
/// The name of the method at a value, in the plan that tries it: "sft at 0.001".
std::string tried_name(const std::string& method, const std::string& value);
/// Sorts numbers. A single number becomes the middle of three, a factor of 2 apart.
void complete_grid(TriedGrid& grid);

/// What came of one value.
struct TriedValue {
  std::string value;          ///< JSON text
  double change = 0.0;        ///< of the quantity that decides, against the base model; nan: a cell failed
  std::vector<double> seeds;  ///< the same for each seed (mean over models and training tasks)
  double drop = 0.0;          ///< mean drop elsewhere; nan where the tuning measures nothing else
};

enum class GridEdge : std::uint8_t { none, low, high };

/// One method at each value tried.
struct TunedMethod {
  std::string method;
  std::string key;
  std::vector<TriedValue> tried;
  std::size_t best = 0;            ///< index of the value with the largest change
  bool measured = false;           ///< every value has all of its cells
  GridEdge edge = GridEdge::none;  ///< an untried number beyond the grid could be better
  /// The error of the choice: by how much another value tried could be better than the chosen one, at most (the highest
  /// upper limit of their 95 % intervals, corrected for their number, whatever level the plan is judged at); not below
  /// 0. nan: not measured.
  double regret = 0.0;
};

/// A plan's methods, tuned alike.
struct TunedPlan {
  QuantityWords judged_on;
  std::size_t seeds = 0;
  std::string settings;  ///< tuned_settings() of the plan that was tuned
  std::vector<TunedMethod> methods;
};

/// What decides: the main claim's score where it is one of the training task, else the gain on the training task (the
/// rate that loses least elsewhere would be the one that teaches nothing; what is lost stands beside it). Nor does a
/// metric decide that compares with the base model, or of which neither direction is better: the rate that moves the
/// model least teaches nothing either.
Quantity tuning_quantity(const std::vector<Claim>& claims);

/// SHA-256 over what a plan and its tuning must share: models, training tasks, number formats, overrides, and the
/// methods that are tuned, all without the options that are tuned.
std::string tuned_settings(const nlohmann::ordered_json& plan);

/// The results of a stored tuning run.
TunedPlan tuned_plan(const Store& store, const RunRow& tuning, const Quantity& judged_on);
/// Of the latest tuning of a run's plan; none where the database holds none.
std::optional<TunedPlan> tuning_of(const Store& store, const RunRow& run);

/// Adds the next value beyond the edge at which the best lies: twice or half of it. False where there is no edge, or no
/// such value (half of an odd number of things).
bool grow_grid(TriedGrid& grid, const TunedMethod& found);

/// Why a plan with "tune" may not be recorded: it was not tuned, or with other settings; the best value of a method
/// lies at the edge of its grid, or is not the one that the plan runs with.
std::vector<std::string> tuning_objections(const nlohmann::ordered_json& plan, const std::optional<TunedPlan>& tuned);

/// "sft: train.learning_rate 0.001 of 0.0005 (+2.0 points), 0.001 (+3.1 points), ...".
std::string tuned_text(const TunedPlan& plan, const TunedMethod& method);
/// A line a method.
std::string tuning_lines(const TunedPlan& plan);
nlohmann::ordered_json tuning_json(const TunedPlan& plan);

}  // namespace touchstone
