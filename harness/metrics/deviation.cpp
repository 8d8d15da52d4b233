#include "harness/measure/metric.hpp"

namespace touchstone {
namespace plugins {
void deviation(MetricBook& book) {
  book.add("deviation",
           {.summary = "log p(tuned) - log p(base) of the right answer's tokens: how far the model went towards a text",
            .source = "Minor SFT loss, arXiv 2408.10642: mean over examples of D / m",
            .unit = "nats/token",
            .better = "neither",
            .reference = true,
            .make = [](Options&) {
              return mean_over_tokens(nats_per_token("deviation"), TextOf::gold,
                                      [](const TokenReading& token) { return token.logp - token.reference_logp; });
            }});
}
}  // namespace plugins
}  // namespace touchstone
