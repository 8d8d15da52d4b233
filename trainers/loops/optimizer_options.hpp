#pragma once
#include <cstdint>
#include <string>

#include "harness/base/options.hpp"
#include "trainers/loops/adamw.hpp"
#include "trainers/loops/schedule.hpp"

namespace touchstone {

/// The optimizer settings of a stage that trains.
struct OptimizerOptions {
  double learning_rate = 2e-5;
  std::string schedule = "linear";
  std::int64_t warmup_steps = 0;
  double warmup_ratio = 0.0;
  AdamWOptions adamw;
  double max_grad_norm = 1.0;
};

/// Reads learning_rate, lr_scheduler_type, warmup_steps, warmup_ratio, weight_decay, adam_* and max_grad_norm.
OptimizerOptions read_optimizer_options(Options& options);

/// The schedule of the learning rate over this many steps.
Schedule schedule_of(const OptimizerOptions& options, std::int64_t steps);

/// The divisor for AdamW::step that both divides gradients by `divisor`, after which their norm is `norm`, and clips
/// them as torch.nn.utils.clip_grad_norm_ does: the division of the loss is part of the optimizer's pass.
double clipped_divisor(const OptimizerOptions& options, double divisor, double norm);

}  // namespace touchstone
