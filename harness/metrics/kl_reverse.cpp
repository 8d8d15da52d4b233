#include "harness/measure/metric.hpp"

namespace touchstone {
namespace plugins {
void kl_reverse(MetricBook& book) {
  book.add(
      "kl_reverse",
      {.summary = "KL(tuned || base) a token: on the tuned model's own answers to the task's prompts, or on given text",
       .source = "Fine-Tuning Language Models from Human Preferences, arXiv 1909.08593, equation 2, summed over the "
                 "vocabulary",
       .unit = "nats/token",
       .better = "less",
       .reference = true,
       .make = [](Options&) {
         auto spec = nats_per_token("kl_reverse");
         spec.higher_is_better = false;
         return mean_over_tokens(spec, TextOf::model, [](const TokenReading& token) { return token.kl_reverse; });
       }});
}
}  // namespace plugins
}  // namespace touchstone
