#include "harness/measure/metric.hpp"

namespace touchstone {
namespace plugins {
void kl_forward(MetricBook& book) {
  book.add("kl_forward",
           {.summary = "KL(base || tuned) a token: on the base's own answers to the task's prompts, or on given text",
            .source = "RL's Razor, arXiv 2509.04259, section 4: the expectation is over the base's answers",
            .unit = "nats/token",
            .better = "less",
            .reference = true,
            .make = [](Options&) {
              auto spec = nats_per_token("kl_forward");
              spec.higher_is_better = false;
              return mean_over_tokens(spec, TextOf::reference,
                                      [](const TokenReading& token) { return token.kl_forward; });
            }});
}
}  // namespace plugins
}  // namespace touchstone
