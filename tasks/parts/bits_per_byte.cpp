#include "tasks/parts/bits_per_byte.hpp"

#include <cmath>
#include <numbers>

namespace touchstone {
namespace {

constexpr const char* bits_per_byte_name = "bits_per_byte,none";

}  // namespace

MetricSpec bits_per_byte_metric() {
  return {.name = bits_per_byte_name,
          .higher_is_better = false,
          .unit = {.scale = 1.0, .name = "bits/byte"},
          .aggregate = {}};
}

Verdict judge_bits_per_byte(const std::string& text, const Response& response) {
  const auto bytes = static_cast<double>(text.size());
  Verdict verdict;
  verdict.values[bits_per_byte_name] = -response.logp_nats / std::numbers::ln2 / bytes;
  verdict.score = std::exp(response.logp_nats / bytes);
  return verdict;
}

}  // namespace touchstone
