#include "trainers/loops/optimizer_options.hpp"

#include <algorithm>
#include <cmath>

#include "harness/base/error.hpp"

namespace touchstone {

OptimizerOptions read_optimizer_options(Options& options) {
  OptimizerOptions optimizer;
  optimizer.learning_rate =
      options.number("learning_rate", "AdamW's highest learning rate", {.fallback = 2e-5, .min = 0.0, .max = 10.0});
  optimizer.schedule = options.text("lr_scheduler_type", "schedule of the learning rate",
                                    {.fallback = "linear", .choices = schedule_kinds()});
  optimizer.warmup_steps =
      options.integer("warmup_steps", "steps in which the rate rises from zero", {.fallback = 0, .min = 0});
  optimizer.warmup_ratio = options.number("warmup_ratio", "the same as a share of all steps, when warmup_steps is 0",
                                          {.fallback = 0.0, .min = 0.0, .max = 1.0});
  const bool warm = optimizer.warmup_steps > 0 || optimizer.warmup_ratio > 0.0;
  require(!warm || optimizer.schedule != "constant", Fault::config, [&] {
    return options.where() +
           ": key 'lr_scheduler_type': found constant, which has no warm-up: did you mean 'constant_with_warmup'?";
  });
  auto& adamw = optimizer.adamw;
  adamw.weight_decay = options.number("weight_decay", "decay of matrices; norms and biases never decay",
                                      {.fallback = 0.0, .min = 0.0, .max = 10.0});
  adamw.beta1 =
      options.number("adam_beta1", "decay of the first moment", {.fallback = 0.9, .min = 0.0, .max = 0.999999});
  adamw.beta2 =
      options.number("adam_beta2", "decay of the second moment", {.fallback = 0.999, .min = 0.0, .max = 0.99999999});
  adamw.epsilon = options.number("adam_epsilon", "added to the root of the second moment",
                                 {.fallback = 1e-8, .min = 1e-30, .max = 1.0});
  optimizer.max_grad_norm = options.number("max_grad_norm", "longer gradients are scaled down to this; 0: never",
                                           {.fallback = 1.0, .min = 0.0, .max = 1e9});
  return optimizer;
}

Schedule schedule_of(const OptimizerOptions& options, std::int64_t steps) {
  Schedule schedule;
  schedule.kind = options.schedule;
  schedule.steps = steps;
  schedule.warmup_steps = options.warmup_steps > 0
                              ? options.warmup_steps
                              : static_cast<std::int64_t>(std::ceil(options.warmup_ratio * static_cast<double>(steps)));
  return schedule;
}

double clipped_divisor(const OptimizerOptions& options, double divisor, double norm) {
  return options.max_grad_norm > 0.0 ? divisor / std::min(1.0, options.max_grad_norm / (norm + 1e-6)) : divisor;
}

}  // namespace touchstone
