#include "trainers/losses/advantages.hpp"

#include <cmath>
#include <numeric>

#include "harness/base/error.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

double mean_of(const std::vector<double>& x, std::int64_t first, std::int64_t last) {
  const auto begin = x.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end = x.begin() + static_cast<std::ptrdiff_t>(last);
  return first == last ? 0.0 : std::accumulate(begin, end, 0.0) / static_cast<double>(last - first);
}

/// Standard deviation over n - 1; zero for fewer than two.
double deviation_of(const std::vector<double>& x, std::int64_t first, std::int64_t last) {
  if (last - first < 2) return 0.0;
  const auto mean = mean_of(x, first, last);
  double sum = 0.0;
  for (auto at = first; at < last; ++at) sum += std::pow(x[static_cast<std::size_t>(at)] - mean, 2);
  return std::sqrt(sum / static_cast<double>(last - first - 1));
}

}  // namespace

Tensor kl_estimate(const Tensor& logp, const Tensor& ref_logp, const std::string& name) {
  if (name == "k1") return logp - ref_logp;
  const auto r = ref_logp - logp;
  return at::expm1(r) - r;
}

Advantages generalised_advantages(const Tensor& rewards, const Tensor& values, const Tensor& answer_of, double gamma,
                                  double lambda) {
  require(rewards.sizes() == values.sizes() && rewards.sizes() == answer_of.sizes(), Fault::shape, [&] {
    return "rewards are " + c10::str(rewards.sizes()) + ", values " + c10::str(values.sizes()) + ", answers " +
           c10::str(answer_of.sizes()) + ", expected one size";
  });
  const auto r = rewards.to(at::kCPU, at::kDouble).contiguous();
  const auto v = values.to(at::kCPU, at::kDouble).contiguous();
  const auto of = answer_of.to(at::kCPU, at::kLong).contiguous();
  auto advantages = at::zeros_like(r);
  const auto* const reward = r.const_data_ptr<double>();
  const auto* const value = v.const_data_ptr<double>();
  const auto* const answer = of.const_data_ptr<std::int64_t>();
  auto* const made = advantages.mutable_data_ptr<double>();
  for (auto at = r.size(0) - 1; at >= 0; --at) {
    const bool last = at + 1 == r.size(0) || answer[at + 1] != answer[at];
    const double next_value = last ? 0.0 : value[at + 1];
    const double next = last ? 0.0 : made[at + 1];
    made[at] = reward[at] + gamma * next_value - value[at] + gamma * lambda * next;
  }
  return {.advantages = advantages.to(rewards.options()), .returns = (advantages + v).to(rewards.options())};
}

Tensor whitened(const Tensor& x, bool shift) {
  if (x.numel() < 2) return shift ? at::zeros_like(x) : x;
  const auto wide = x.to(at::kDouble);
  const auto mean = wide.mean();
  const auto scaled = (wide - mean) * (wide.var() + 1e-8).rsqrt();
  return (shift ? scaled : scaled + mean).to(x.scalar_type());
}

const std::vector<std::string>& group_scale_names() {
  static const std::vector<std::string> names = {"group", "batch", "none"};
  return names;
}

std::vector<double> group_advantages(const std::vector<double>& rewards, const std::vector<std::int64_t>& starts,
                                     GroupScale scale) {
  constexpr double guard = 1e-4;
  const auto all = deviation_of(rewards, 0, static_cast<std::int64_t>(rewards.size()));
  std::vector<double> advantages(rewards.size(), 0.0);
  for (std::size_t group = 0; group + 1 < starts.size(); ++group) {
    const auto first = starts[group];
    const auto last = starts[group + 1];
    if (last - first < 2) continue;
    const auto mean = mean_of(rewards, first, last);
    const auto own = deviation_of(rewards, first, last);
    const auto divisor = scale == GroupScale::none ? 1.0 : (scale == GroupScale::group ? own : all) + guard;
    for (auto at = static_cast<std::size_t>(first); at < static_cast<std::size_t>(last); ++at) {
      advantages[at] = (rewards[at] - mean) / divisor;
    }
  }
  return advantages;
}

std::vector<double> leave_one_out(const std::vector<double>& rewards, const std::vector<std::int64_t>& starts) {
  auto advantages = group_advantages(rewards, starts, GroupScale::none);
  for (std::size_t group = 0; group + 1 < starts.size(); ++group) {
    const auto count = static_cast<double>(starts[group + 1] - starts[group]);
    if (count < 2) continue;
    for (auto at = starts[group]; at < starts[group + 1]; ++at) {
      advantages[static_cast<std::size_t>(at)] *= count / (count - 1.0);
    }
  }
  return advantages;
}

double overlong_penalty(std::int64_t tokens, std::int64_t longest, std::int64_t margin) {
  if (tokens > longest) return -1.0;
  const auto beyond = static_cast<double>(tokens - (longest - margin));
  return margin == 0 || beyond <= 0.0 ? 0.0 : -beyond / static_cast<double>(margin);
}

}  // namespace touchstone
