#include "trainers/loops/step_log.hpp"

#include <algorithm>
#include <cmath>

#include "harness/base/error.hpp"

namespace touchstone {

void count_step(StepCounters& counters, const StepReport& report) {
  counters.emplace("first_loss", report.loss);
  counters["last_loss"] = report.loss;
  counters["tokens"] += static_cast<double>(report.tokens);
  counters["trained_tokens"] += static_cast<double>(report.trained_tokens);
  for (const auto& [name, value] : report.values) counters["last_" + name] = value;
}

void require_finite(const StepReport& report, const std::vector<double>& norms) {
  const auto wrong = std::find_if(norms.begin(), norms.end(), [](double norm) { return !std::isfinite(norm); });
  require(std::isfinite(report.loss) && wrong == norms.end(), Fault::numeric, [&] {
    return "the loss is " + std::to_string(report.loss) + " and the gradient norm " +
           std::to_string(wrong == norms.end() ? report.gradient_norm : *wrong) + " at step " +
           std::to_string(report.step) + " of " + std::to_string(report.steps);
  });
}

void end_stage(Session& session, const StepCounters& counters, std::int64_t steps) {
  session.values.insert(counters.begin(), counters.end());
  session.values["steps"] = static_cast<double>(steps);
  session.result.steps += steps;
  const auto tokens = counters.find("tokens");
  if (tokens != counters.end()) session.result.tokens += static_cast<std::int64_t>(tokens->second);
}

}  // namespace touchstone
