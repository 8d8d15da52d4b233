#include "reports/pools.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace touchstone::reports {

std::vector<Pool> pools_of(const ReportInput& input, std::int64_t model) {
  std::vector<Pool> pools;
  for (const auto& measure : input.measures) {
    if (measure.model != model || measure.scores.empty()) continue;
    const auto& name = measure.benchmark.empty() ? measure.task : measure.benchmark;
    Pool* found = nullptr;
    for (auto& pool : pools) {
      const auto* first = pool.leaves.front();
      const bool same = pool.name == name && first->settings_json == measure.settings_json &&
                        first->scores[0].metric == measure.scores[0].metric && first->mode == measure.mode &&
                        first->dtype == measure.dtype && first->device == measure.device;
      if (same) found = &pool;
    }
    if (found == nullptr) found = &pools.emplace_back(Pool{name, {}});
    found->leaves.push_back(&measure);
  }
  return pools;
}

std::vector<std::vector<const MeasureRow*>> by_task(const std::vector<const MeasureRow*>& leaves) {
  std::vector<std::vector<const MeasureRow*>> tasks;
  for (const auto* leaf : leaves) {
    const auto found =
        std::find_if(tasks.begin(), tasks.end(), [&](const auto& task) { return task.front()->task == leaf->task; });
    (found == tasks.end() ? tasks.emplace_back() : *found).push_back(leaf);
  }
  return tasks;
}

SampleCounts counts_of(const ReportInput& input, const std::vector<const MeasureRow*>& leaves) {
  SampleCounts sum;
  for (const auto* measure : leaves) {
    const auto found = input.counts.find(measure->id);
    if (found == input.counts.end()) continue;
    sum.items += found->second.items;
    sum.right += found->second.right;
    sum.unparsed += found->second.unparsed;
    sum.truncated += found->second.truncated;
    sum.unfinished += found->second.unfinished;
  }
  return sum;
}

Score pooled(const std::vector<const MeasureRow*>& leaves, std::size_t at) {
  Score score = leaves.front()->scores[at];
  if (leaves.size() == 1) return score;
  std::vector<double> errors;
  std::vector<std::int64_t> sizes;
  double sum = 0;
  double chance = 0;
  double items = 0;
  for (const auto* leaf : leaves) {
    const auto weight = static_cast<double>(leaf->items);
    sum += leaf->scores[at].value * weight;
    chance += leaf->scores[at].chance * weight;
    items += weight;
    errors.push_back(leaf->scores[at].stderror);
    sizes.push_back(leaf->items);
  }
  score.value = sum / items;
  score.chance = chance / items;
  score.stderror = pooled_error(errors, sizes);
  return score;
}

Interval interval_of(const Score& score, const SampleCounts& counts) {
  if (counts.items > 0 &&
      std::fabs(static_cast<double>(counts.right) / static_cast<double>(counts.items) - score.value) < 1e-9) {
    return wilson(counts.right, counts.items);
  }
  const double reach = normal_quantile(0.975) * score.stderror;
  return {score.value - reach, score.value + reach};
}

std::string pool_name(const Pool& pool) {
  const auto tasks = by_task(pool.leaves).size();
  return tasks > 1 ? fmt::format("{} ({} tasks)", pool.name, tasks) : pool.leaves.front()->task;
}

}  // namespace touchstone::reports
