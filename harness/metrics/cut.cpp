#include "harness/measure/metric.hpp"

namespace touchstone {
namespace {

Metric cut_answers() {
  Metric metric;
  metric.specs = [](const Task&, std::span<const Example>) -> std::vector<MetricSpec> {
    return {{.name = "cut", .higher_is_better = false, .aggregate = {}}};
  };
  metric.declines = declines_without_generation;
  metric.measure = [](MetricDesk& desk, std::size_t count) {
    std::vector<MetricValues> values(count);
    for (std::size_t item = 0; item < count; ++item) {
      bool cut = false;
      for (const auto& response : desk.items()[item].responses) {
        for (const auto& answer : response.generated) cut = cut || !answer.finished;
      }
      values[item]["cut"] = cut ? 1.0 : 0.0;
    }
    return values;
  };
  return metric;
}

}  // namespace

namespace plugins {
void cut(MetricBook& book) {
  book.add("cut", {.summary = "share of the benchmark's own answers that the limit of new tokens cut",
                   .source = "a count",
                   .unit = "points",
                   .better = "less",
                   .make = [](Options&) { return cut_answers(); }});
}
}  // namespace plugins
}  // namespace touchstone
