#include "trainers/loops/reward_set.hpp"

#include <cmath>
#include <set>

#include "trainers/loops/answering.hpp"

namespace touchstone {
namespace {

NamedReward read_reward(Options options, const TrainerBook& book) {
  NamedReward reward;
  const auto use = options.text("use", "which reward");
  reward.name = options.text("name", "what the log calls it", {.fallback = use});
  reward.weight = options.number("weight", "its factor in the sum", {.fallback = 1.0, .min = -1e6, .max = 1e6});
  if (options.has("gate")) {
    reward.gate = options.number("gate", "the others count only where it is at least this", {});
  }
  reward.rule = make_use(std::move(options), book.rewards, book);
  return reward;
}

}  // namespace

Worth RewardSet::of(const Judged& judged) const {
  Worth worth;
  bool open = true;
  for (const auto& reward : rewards_) {
    const auto value = reward.rule(judged);
    if (!value) continue;
    require(std::isfinite(*value), Fault::numeric, [&] {
      return "reward '" + reward.name + "' of an answer to record '" + judged.record.id + "' is not a finite number";
    });
    worth.parts[reward.name] = *value;
    if (reward.gate && *value < *reward.gate) open = false;
  }
  if (worth.parts.empty()) refuse_unjudged(judged.record);
  for (const auto& reward : rewards_) {
    const auto part = worth.parts.find(reward.name);
    if (part != worth.parts.end() && (open || reward.gate)) worth.total += reward.weight * part->second;
  }
  return worth;
}

RewardSet read_rewards(Options& options, const TrainerBook& book) {
  require(options.describing() || !(options.has("rule") && options.has("rewards")), Fault::config, [&] {
    return options.where() + ": keys 'rule' and 'rewards': found both, expected one reward alone or a list of several";
  });
  auto several = options.children("rewards",
                                  "several in place of 'rule': a list of {\"use\": NAME, ...}, each with its options "
                                  "and, if wanted, \"weight\" (1), \"name\" (what the log calls it) and \"gate\" (the "
                                  "others count only where this one is at least this)",
                                  /*required=*/false);
  auto rule = read_rule(options, book);
  std::vector<NamedReward> rewards;
  if (several.empty()) {
    require(options.describing() || !options.has("rewards"), Fault::config,
            [&] { return options.where() + ": key 'rewards': found [], expected at least one reward"; });
    rewards.push_back({.name = "rule", .rule = std::move(rule)});
    return RewardSet(std::move(rewards));
  }
  std::set<std::string> names;
  for (auto& one : several) {
    const auto where = one.where();
    rewards.push_back(read_reward(std::move(one), book));
    require(names.insert(rewards.back().name).second, Fault::config, [&] {
      return where + ": key 'name': found '" + rewards.back().name + "' a second time, expected names that differ";
    });
  }
  return RewardSet(std::move(rewards));
}

}  // namespace touchstone
