#include "harness/engine/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "harness/base/error.hpp"
#include "harness/base/seed.hpp"

namespace touchstone {
namespace {

std::int32_t arg_max(std::span<const float> logits) {
  std::int32_t best = 0;
  for (std::size_t at = 1; at < logits.size(); ++at) {
    if (logits[at] > logits[static_cast<std::size_t>(best)]) best = static_cast<std::int32_t>(at);
  }
  return best;
}

/// exp((logit - largest) / temperature) of every token.
std::vector<double> relative_weights(std::span<const float> logits, float largest, double temperature) {
  std::vector<double> weights(logits.size());
  for (std::size_t at = 0; at < logits.size(); ++at) {
    weights[at] = std::exp((static_cast<double>(logits[at]) - static_cast<double>(largest)) / temperature);
  }
  return weights;
}

/// The ids that may be drawn, likeliest first; among equally likely ones the lowest first.
std::vector<std::int32_t> candidates(const std::vector<double>& weights, double total, int top_k, double top_p) {
  std::vector<std::int32_t> ids(weights.size());
  std::iota(ids.begin(), ids.end(), 0);
  if (top_k <= 0 && top_p >= 1.0) return ids;
  std::stable_sort(ids.begin(), ids.end(), [&](std::int32_t a, std::int32_t b) {
    return weights[static_cast<std::size_t>(a)] > weights[static_cast<std::size_t>(b)];
  });
  if (top_k > 0 && static_cast<std::size_t>(top_k) < ids.size()) {
    ids.resize(static_cast<std::size_t>(top_k));
    total = 0.0;
    for (const auto id : ids) total += weights[static_cast<std::size_t>(id)];
  }
  double sum = 0.0;
  std::size_t kept = 0;
  while (kept < ids.size() && (kept == 0 || sum < top_p * total)) sum += weights[static_cast<std::size_t>(ids[kept++])];
  ids.resize(kept);
  return ids;
}

}  // namespace

Sampler::Sampler(const Generation& request, int sample)
    : temperature_(request.temperature),
      top_p_(request.top_p),
      top_k_(request.top_k),
      generator_(derive_seed(request.seed, "sample " + std::to_string(sample))) {}

Sampler::Choice Sampler::choose(std::span<const float> logits) {
  const auto best = arg_max(logits);
  const auto largest = logits[static_cast<std::size_t>(best)];
  const auto greedy = temperature_ <= 0.0;
  const auto weights = relative_weights(logits, largest, greedy ? 1.0 : temperature_);
  double total = 0.0;
  for (const auto weight : weights) total += weight;
  require(std::isfinite(largest) && std::isfinite(total), Fault::numeric,
          "the model gave a logit that is not a finite number");
  auto token = best;
  if (!greedy) {
    const auto ids = candidates(weights, total, top_k_, top_p_);
    double sum = 0.0;
    for (const auto id : ids) sum += weights[static_cast<std::size_t>(id)];
    // 53 random bits make a number in [0, 1), the same on every platform.
    auto left = static_cast<double>(generator_() >> 11) * 0x1p-53 * sum;
    for (const auto id : ids) {
      const auto weight = weights[static_cast<std::size_t>(id)];
      if (weight <= 0.0) continue;
      token = id;  // rounding may leave a remainder; then the last id that can be drawn is taken
      left -= weight;
      if (left < 0.0) break;
    }
  }
  return {.token = token, .logp_nats = std::log(weights[static_cast<std::size_t>(token)] / total)};
}

}  // namespace touchstone
