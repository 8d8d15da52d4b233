#include <cmath>

#include "harness/measure/metric.hpp"

namespace touchstone {
namespace plugins {
void target_probability(MetricBook& book) {
  book.add("target_probability",
           {.summary = "mean probability of the right answer's tokens; the base model's says what it knew before",
            .source = "Beyond Log Likelihood, arXiv 2510.00526: the axis of model-strong and model-weak tasks",
            .unit = "probability",
            .better = "neither",
            .make = [](Options&) {
              const MetricSpec spec{
                  .name = "target_probability", .unit = {.scale = 1.0, .name = "probability"}, .aggregate = {}};
              return mean_over_tokens(spec, TextOf::gold,
                                      [](const TokenReading& token) { return std::exp(token.logp); });
            }});
}
}  // namespace plugins
}  // namespace touchstone
