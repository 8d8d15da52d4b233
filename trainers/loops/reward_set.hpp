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
  std::optional<double> gate{};  ///< the others count only where this reward is at least so much
};

/// What an answer is worth, and what each reward gave it; those that say nothing of it are not there.
struct Worth {
  double total = 0.0;
  std::map<std::string, double> parts;
};

/// The sum of several rewards, each times its weight. Those that do not apply to an answer are left out of its sum, and
/// where one with a gate does and gives less, so are all that have none.
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
