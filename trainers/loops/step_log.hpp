#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/model/backend.hpp"
#include "harness/train/session.hpp"

namespace touchstone {

/// The values that a training stage reports at its end, by name; kept in its checkpoints.
using StepCounters = std::map<std::string, double>;

/// Counts a step: first_loss, last_loss, tokens, trained_tokens, and last_NAME of each value that the loss logs.
void count_step(StepCounters& counters, const StepReport& report);

/// Throws Fault::numeric, naming the step, when its loss or one of the groups' gradient norms is not finite.
void require_finite(const StepReport& report, const std::vector<double>& norms);

/// The stage is over: its counters become the session's values, its steps and tokens those of the job.
void end_stage(Session& session, const StepCounters& counters, std::int64_t steps);

}  // namespace touchstone
