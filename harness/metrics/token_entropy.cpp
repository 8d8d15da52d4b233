#include "harness/measure/metric.hpp"

namespace touchstone {
namespace plugins {
void token_entropy(MetricBook& book) {
  book.add("token_entropy", {.summary = "entropy of the next token: on the model's own answers, or on given text",
                             .source = "Shannon, Bell System Technical Journal 27 (1948), 379, section 6",
                             .unit = "nats/token",
                             .better = "neither",
                             .make = [](Options&) {
                               return mean_over_tokens(nats_per_token("token_entropy"), TextOf::model,
                                                       [](const TokenReading& token) { return token.entropy; });
                             }});
}
}  // namespace plugins
}  // namespace touchstone
