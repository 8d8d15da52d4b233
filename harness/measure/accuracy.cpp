#include "harness/measure/accuracy.hpp"

#include <cmath>
#include <limits>

#include "harness/measure/statistics.hpp"

namespace touchstone {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

const Score* find_score(const TaskMeasure& task, const std::string& metric) {
  for (const auto& score : task.scores) {
    if (score.metric == metric) return &score;
  }
  return nullptr;
}

}  // namespace

std::vector<Score> task_scores(const Task& task, std::span<const Sample> samples) {
  std::vector<Score> scores;
  for (const auto& metric : task.metrics) {
    std::vector<double> values;
    std::vector<Verdict> verdicts;
    values.reserve(samples.size());
    for (const auto& sample : samples) {
      const auto value = sample.verdict.values.find(metric.name);
      if (value != sample.verdict.values.end()) values.push_back(value->second);
      if (metric.aggregate) verdicts.push_back(sample.verdict);
    }
    Score score{.metric = metric.name,
                .value = 0,
                .stderror = none,
                .higher_is_better = metric.higher_is_better,
                .chance = metric.chance,
                .unit = metric.unit};
    if (metric.aggregate) {
      const auto whole = metric.aggregate(verdicts);
      score.value = whole.value;
      score.stderror = whole.stderror;
    } else if (!values.empty()) {
      const auto mean = mean_error(values);
      score.value = mean.mean;
      score.stderror = mean.stderror;
    } else {
      continue;
    }
    scores.push_back(std::move(score));
  }
  return scores;
}

GroupMeasure group_scores(const TaskGroup& group, std::span<const TaskMeasure* const> leaves) {
  GroupMeasure result{.group = group.name, .scores = {}, .items = 0};
  std::vector<std::int64_t> sizes;
  for (const auto* leaf : leaves) {
    sizes.push_back(static_cast<std::int64_t>(leaf->samples.size()));
    result.items += sizes.back();
  }
  for (const auto& metric : group.metrics) {
    std::vector<double> errors;
    double sum = 0;
    double weights = 0;
    double chance = 0;
    Score spec;
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      const auto* score = find_score(*leaves[i], metric);
      if (score == nullptr) break;
      const double weight = group.weight_by_size ? static_cast<double>(sizes[i]) : 1.0;
      sum += score->value * weight;
      chance += score->chance * weight;
      weights += weight;
      spec = *score;
      errors.push_back(score->stderror);
    }
    if (errors.empty() || errors.size() != leaves.size()) continue;
    bool known = true;
    for (const double error : errors) known = known && !std::isnan(error);
    result.scores.push_back({.metric = metric,
                             .value = sum / weights,
                             .stderror = known ? pooled_error(errors, sizes) : none,
                             .higher_is_better = spec.higher_is_better,
                             .chance = chance / weights,
                             .unit = spec.unit});
  }
  return result;
}

double numpy_sum(std::span<const double> values) {
  if (values.size() < 8) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum;
  }
  if (values.size() > 128) {
    const auto half = values.size() / 2 - (values.size() / 2) % 8;
    return numpy_sum(values.first(half)) + numpy_sum(values.subspan(half));
  }
  double partial[8];
  std::size_t at = 0;
  for (; at < 8; ++at) partial[at] = values[at];
  for (; at + 8 <= values.size(); at += 8) {
    for (std::size_t lane = 0; lane < 8; ++lane) partial[lane] += values[at + lane];
  }
  double sum =
      ((partial[0] + partial[1]) + (partial[2] + partial[3])) + ((partial[4] + partial[5]) + (partial[6] + partial[7]));
  for (; at < values.size(); ++at) sum += values[at];
  return sum;
}

}  // namespace touchstone
