#pragma once
#include <nlohmann/json.hpp>

#include "harness/base/json.hpp"
#include "harness/compare/claims/evidence.hpp"
#include "harness/measure/statistics.hpp"

namespace touchstone::testing {

/// Cells in memory, for judging claims without a database. Values are against a base model at 0.
class MadeCells {
 public:
  /// Of one cell: an item's value each. Items of equal place are the same question in every cell of a quantity.
  void set(Quantity::Of of, const std::string& arm, std::uint64_t seed, const std::vector<double>& items) {
    std::vector<std::uint64_t> units;
    const auto first = static_cast<std::uint64_t>(of) * 1000000;  // quantities ask other questions
    for (std::size_t at = 0; at < items.size(); ++at) units.push_back(first + at);
    values_[of][arm][{1, "task", seed}] = item_mean(items, {.unit = units, .stratum = {}});
    const CellKey cell{1, "task", seed};
    auto& planned = planned_[arm];
    if (std::find(planned.begin(), planned.end(), cell) == planned.end()) planned.push_back(cell);
  }
  /// Two items of equal value: a value without an error of items.
  void set(Quantity::Of of, const std::string& arm, std::uint64_t seed, double value) {
    set(of, arm, seed, std::vector<double>{value, value});
  }
  /// A cell that was planned and did not finish.
  void plan(const std::string& arm, std::uint64_t seed) { planned_[arm].push_back({1, "task", seed}); }

  bool higher_is_better = true;

  CellSource source() const {
    CellSource source;
    source.ended = true;
    source.planned = planned_;
    source.differences = [this](const Quantity& quantity, const std::string& arm, const std::string& against) {
      ArmValues out;
      out.higher_is_better = higher_is_better;
      if (quantity.of == Quantity::Of::logged) out.unit = {.scale = 1.0, .name = ""};
      const auto& all = values_.at(quantity.of);
      // The base model's values are 0: what an arm has against it is its own.
      for (const auto& [cell, value] : all.at(arm)) {
        const auto* other = against == base_name ? nullptr : &all.at(against).at(cell);
        const std::vector<const ItemMean*> parts = {&value, other == nullptr ? &value : other};
        out.cells[cell] = weighted_sum(parts, std::vector<double>{1.0, other == nullptr ? 0.0 : -1.0});
        if (other == nullptr) out.cells[cell] = value;
      }
      return out;
    };
    return source;
  }

 private:
  std::map<Quantity::Of, std::map<std::string, std::map<CellKey, ItemMean>>> values_;
  std::map<std::string, std::vector<CellKey>> planned_;
};

/// The claim of a plan whose only one it is.
inline Claim claim_of(const std::string& keys) {
  const auto plan = R"({"claims": [{"text": "As the paper says.", )" + keys + "}]}";
  return read_claims(parse_json(plan, "plan.json"), "plan.json").at(0);
}

inline ClaimFinding judged(const MadeCells& cells, const std::string& keys, const JudgeSettings& settings = {}) {
  Evidence evidence(cells.source());
  return claim_of(keys).judge(evidence, settings);
}

/// Near normal, with standard deviation 1.
inline double noise(Resampler& random) {
  double sum = -6.0;
  for (int at = 0; at < 12; ++at) sum += static_cast<double>(random.u64() >> 11U) * 0x1p-53;
  return sum;
}

}  // namespace touchstone::testing
