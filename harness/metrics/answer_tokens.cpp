#include "harness/measure/metric.hpp"

namespace touchstone {
namespace {

Metric answer_length() {
  Metric metric;
  metric.specs = [](const Task&, std::span<const Example>) -> std::vector<MetricSpec> {
    return {{.name = "answer_tokens", .unit = {.scale = 1.0, .name = "tokens"}, .aggregate = {}}};
  };
  metric.declines = declines_without_generation;
  metric.measure = [](MetricDesk& desk, std::size_t count) {
    std::vector<MetricValues> values(count);
    for (std::size_t item = 0; item < count; ++item) {
      double tokens = 0.0;
      for (const auto& response : desk.items()[item].responses) {
        for (const auto& answer : response.generated) {
          tokens += static_cast<double>(answer.logp_nats.size()) / static_cast<double>(response.generated.size());
        }
      }
      values[item]["answer_tokens"] = tokens;
    }
    return values;
  };
  return metric;
}

}  // namespace

namespace plugins {
void answer_tokens(MetricBook& book) {
  book.add("answer_tokens", {.summary = "length of the benchmark's own answer, its end token left out",
                             .source = "a count",
                             .unit = "tokens",
                             .better = "neither",
                             .make = [](Options&) { return answer_length(); }});
}
}  // namespace plugins
}  // namespace touchstone
