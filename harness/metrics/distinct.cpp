#include <set>

#include "harness/measure/metric.hpp"

namespace touchstone {
namespace {

Metric make_distinct(Options& options) {
  const auto drawing = read_drawing(options);
  const auto name = "distinct@" + std::to_string(drawing.samples);
  Metric metric;
  metric.specs = [name](const Task&, std::span<const Example>) -> std::vector<MetricSpec> {
    return {{.name = name, .unit = {.scale = 1.0, .name = "answers"}, .aggregate = {}}};
  };
  metric.declines = declines_without_generation;
  metric.measure = [drawing, name](MetricDesk& desk, std::size_t count) {
    const auto& drawn = desk.drawn(drawing, count);
    std::vector<MetricValues> values(count);
    for (std::size_t item = 0; item < count; ++item) {
      std::set<std::string> answers;
      for (const auto& answer : drawn[item]) {
        if (answer.parsed) answers.insert(answer.extracted);
      }
      values[item][name] = static_cast<double>(answers.size());
    }
    return values;
  };
  metric.draws = drawing.samples;
  return metric;
}

}  // namespace

namespace plugins {
void distinct(MetricBook& book) {
  book.add("distinct", {.summary = "number of different extracted answers among the n drawn for an item",
                        .source = "a count; answers that could not be read are left out",
                        .unit = "answers",
                        .better = "neither",
                        .make = make_distinct});
}
}  // namespace plugins
}  // namespace touchstone
