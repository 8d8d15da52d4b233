#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "harness/model/tensor.hpp"

namespace touchstone {

/// log p - log ref, the signed estimate of the divergence at a drawn token, [M]; or, by name "k3", the one that is
/// never negative, exp(r) - r - 1 of r = log ref - log p. Source: J. Schulman, "Approximating KL divergence", 2020.
Tensor kl_estimate(const Tensor& logp, const Tensor& ref_logp, const std::string& name);

/// Generalised advantages of each token, and the returns that its value is trained on.
struct Advantages {
  Tensor advantages;  ///< [M] float32
  Tensor returns;     ///< [M] float32: advantages + values
};
/// delta_t = r_t + gamma V_{t+1} - V_t, A_t = delta_t + gamma lambda A_{t+1}, backwards within each answer; V and A are
/// zero beyond its end. rewards, values [M]; answer_of [M] rising. Source: "High-Dimensional Continuous Control Using
/// Generalized Advantage Estimation", arXiv 1506.02438, equation 16.
Advantages generalised_advantages(const Tensor& rewards, const Tensor& values, const Tensor& answer_of, double gamma,
                                  double lambda);

/// (x - mean) / sqrt(variance + 1e-8), [M], variance over n - 1; without `shift` the mean is added back. With fewer
/// than two values, or all equal, the result is zero (or the mean).
Tensor whitened(const Tensor& x, bool shift = true);

/// What a group's rewards are divided by after their mean is subtracted.
enum class GroupScale : std::uint8_t {
  group,  ///< their standard deviation (n - 1) + 1e-4: GRPO, arXiv 2402.03300, section 4.1.2
  batch,  ///< that of all rewards + 1e-4
  none    ///< nothing: Dr. GRPO, arXiv 2503.20783, section 3.2
};
const std::vector<std::string>& group_scale_names();

/// Advantages of answers, [A]; record r has the answers [starts[r], starts[r + 1]). Zero in a group of one, and where
/// all rewards are equal.
std::vector<double> group_advantages(const std::vector<double>& rewards, const std::vector<std::int64_t>& starts,
                                     GroupScale scale);

/// R_i minus the mean reward of the others in its group; zero in a group of one. Source: "Back to Basics: Revisiting
/// REINFORCE Style Optimization for Learning from Human Feedback in LLMs", arXiv 2402.14740, equation 6.
std::vector<double> leave_one_out(const std::vector<double>& rewards, const std::vector<std::int64_t>& starts);

/// 0 up to longest - margin tokens, -1 beyond longest, linear between. Source: "DAPO", arXiv 2503.14476, equation 13.
double overlong_penalty(std::int64_t tokens, std::int64_t longest, std::int64_t margin);

}  // namespace touchstone
