#pragma once
#include <cstdint>
#include <string>

#include "harness/base/options.hpp"
#include "trainers/loops/adamw.hpp"
#include "trainers/loops/schedule.hpp"

namespace touchstone {

/// How a stage that trains moves the weights.
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

/// The rate's way over so many steps.
Schedule schedule_of(const OptimizerOptions& options, std::int64_t steps);

/// What AdamW::step divides gradients by, so that after `divisor`, which leaves them with the norm `norm`, they are
/// clipped as torch.nn.utils.clip_grad_norm_ has it: the one division of the loss rides along in the optimizer's pass.
double clipped_divisor(const OptimizerOptions& options, double divisor, double norm);

}  // namespace touchstone
