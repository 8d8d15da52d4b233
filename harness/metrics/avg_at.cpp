#include "harness/measure/metric.hpp"

namespace touchstone {
namespace {

Metric make_avg_at(Options& options) {
  const auto drawing = read_drawing(options);
  const auto name = "avg@" + std::to_string(drawing.samples);
  Metric metric;
  metric.specs = [name](const Task& task, std::span<const Example>) -> std::vector<MetricSpec> {
    const double chance = task.metrics.empty() ? 0.0 : task.metrics.front().chance;
    return {{.name = name, .chance = chance, .aggregate = {}}};
  };
  metric.declines = declines_without_generation;
  metric.measure = [drawing, name](MetricDesk& desk, std::size_t count) {
    const auto& drawn = desk.drawn(drawing, count);
    std::vector<MetricValues> values(count);
    for (std::size_t item = 0; item < count; ++item) {
      double sum = 0.0;
      for (const auto& answer : drawn[item]) sum += answer.score;
      values[item][name] = sum / static_cast<double>(drawn[item].size());
    }
    return values;
  };
  metric.draws = drawing.samples;
  return metric;
}

}  // namespace

namespace plugins {
void avg_at(MetricBook& book) {
  book.add("avg_at", {.summary = "avg@n: mean score of the n drawn answers of an item",
                      .source = "DeepSeek-R1, arXiv 2501.12948, section 3: the mean over k responses",
                      .unit = "points",
                      .better = "more",
                      .make = make_avg_at});
}
}  // namespace plugins
}  // namespace touchstone
