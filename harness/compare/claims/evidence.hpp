#pragma once
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "harness/compare/claims/claim.hpp"

namespace touchstone {

/// What is trained from, with, and by chance. Cells of several arms with equal keys are compared.
struct CellKey {
  std::int64_t base_model = 0;
  std::string trained_on;
  std::uint64_t seed = 0;
  auto operator<=>(const CellKey&) const = default;
};

/// A quantity of the finished cells of one arm.
struct ArmValues {
  std::map<CellKey, ItemMean> cells;
  MetricUnit unit{};
  bool higher_is_better = true;
  /// The share of the items' variance that comes from questions which each seed draws for itself ("fresh" in a plan),
  /// in one of the cells.
  double fresh = 0.0;
};

/// The cells of a plan, wherever they come from: a database, or a simulation.
struct CellSource {
  bool ended = false;  ///< all that will come has come
  /// Of each method, every cell that is planned, finished or not.
  std::map<std::string, std::vector<CellKey>> planned{};
  /// arm - against, of the cells that both have finished. Of what is logged against the base: the values themselves.
  std::function<ArmValues(const Quantity&, const std::string& arm, const std::string& against)> differences{};
};

/// The cells of a stored run, whose plan says which benchmarks have questions of each seed's own. `store` must live as
/// long as the source does.
CellSource stored_cells(const Store& store, const RunRow& run);

/// The model before training, where a method is named.
inline constexpr const char* base_name = "base";

/// Arms with their weights, whose sum is 0.
using Weights = std::vector<std::pair<std::string, double>>;

/// A weighted sum of arms, before its error is known.
struct Weighed {
  SeedSpread spread;
  SeedVariance variance;  ///< between seeds, pooled over the plan
  std::size_t cells = 0;  ///< values: training tasks x seeds
  double fresh = 0.0;     ///< ArmValues::fresh, the least of all arms
  QuantityWords words;
  std::string missing;  ///< why there is no spread

  SeedMean mean(double alpha) const { return over_seeds(spread, variance, alpha); }
};

/// The numbers that the claims of one run compare. Each is read once, however many claims ask for it.
class Evidence {
 public:
  explicit Evidence(CellSource source) : source_(std::move(source)) {}

  std::vector<std::string> methods() const;  ///< with cells, in order of name
  bool ended() const { return source_.ended; }
  /// The planned cells of an arm that count for the quantity.
  std::vector<CellKey> planned(const Quantity& quantity, const std::string& arm) const;
  /// arm - against, of those cells that both have finished.
  const ArmValues& differences(const Quantity& quantity, const std::string& arm, const std::string& against);

  enum class Need : std::uint8_t {
    every_cell,  ///< an incomplete plan proves nothing
    some,        ///< of a pilot
  };
  /// The weighted sum over the arms, of each base model, training task and seed. Its seeds' variance is that of one
  /// arm, pooled over all methods of the plan, times the sum of the squared weights (arms are trained independently of
  /// each other); of what is logged it is the sum's own.
  Weighed weigh(const Quantity& quantity, const Weights& weights, Need need);

 private:
  /// Of one arm, pooled over all methods of the plan against the base model, which has no seeds.
  SeedVariance variance_against_base(const Quantity& quantity);
  /// Of one arm, pooled over the methods that hold all of these cells, of which `reference` is one.
  SeedVariance variance_among_arms(const Quantity& quantity, const std::string& reference,
                                   const std::vector<CellKey>& cells);

  CellSource source_;
  std::map<std::tuple<Quantity, std::string, std::string>, ArmValues> differences_;
  std::map<Quantity, SeedVariance> against_base_;
  std::map<std::tuple<Quantity, std::string, std::vector<CellKey>>, SeedVariance> among_arms_;
};

/// The values by base model and training task, each over its seeds.
std::vector<SeedValues> by_training(const std::map<CellKey, ItemMean>& cells);

/// What a weighed sum of a pilot says of a plan at a look, for an effect or a margin. `bound_power`: Expectation's.
ClaimOutlook outlook_of(const Weighed& pilot, const SeedLook& look, double bound_power = 0.8);

}  // namespace touchstone
