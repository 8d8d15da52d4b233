#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/options.hpp"
#include "harness/train/stage.hpp"

namespace touchstone {

/// One reward of several.
struct NamedReward {
  std::string name;
  Reward rule;
  double weight = 1.0;
  std::optional<double> gate{};  ///< the others count only where this reward is at least this
};

/// An answer's total reward and what each reward gave it, without those that do not apply.
struct Worth {
  double total = 0.0;
  std::map<std::string, double> parts;
};

/// The sum of several rewards, each times its weight. A reward that does not apply to an answer is left out of its sum.
/// Where a reward with a gate gives less than its gate, all rewards without a gate are left out, too.
class RewardSet {
 public:
  explicit RewardSet(std::vector<NamedReward> rewards = {}) : rewards_(std::move(rewards)) {}
  /// Throws Fault::data for a record to whose answer no reward applies, Fault::numeric for one that is not a number;
  /// both name the record.
  Worth of(const Judged& judged) const;

 private:
  std::vector<NamedReward> rewards_;
};

/// The options "rewards", a list of {"use": NAME, "weight", "gate", "name", ...}, or "rule", one alone. Throws
/// Fault::config when both are there, for two of one name, and for a list without a reward.
RewardSet read_rewards(Options& options, const TrainerBook& book);

}  // namespace touchstone
