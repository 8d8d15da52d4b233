// The normal and Student's t distribution: cumulative probabilities and quantiles.
#include <cmath>
#include <limits>

#include "harness/measure/statistics.hpp"

namespace touchstone {
namespace {

/// A quantile by bisection of a cumulative distribution that is symmetric about 0: exact to the last digits, and used a
/// few times a comparison only.
template <class Cdf>
double quantile(double p, const Cdf& cdf) {
  if (!(p > 0.0)) return p == 0.0 ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  if (!(p < 1.0)) return p == 1.0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  if (p == 0.5) return 0.0;
  if (p > 0.5) return -quantile(1.0 - p, cdf);  // the lower tail keeps its digits
  double low = -1.0;
  while (cdf(low) > p && low > -1e300) low *= 2.0;
  double high = 0.0;
  for (int step = 0; step < 200 && high - low > 1e-16 * -low; ++step) {
    const double middle = 0.5 * (low + high);
    (cdf(middle) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

/// Regularised incomplete beta function by its continued fraction (NIST Digital Library of Mathematical Functions,
/// 8.17.22), evaluated by Lentz's method. Converges fast for x < (a + 1) / (a + b + 2), the only use here.
double beta_fraction(double a, double b, double x) {
  constexpr double tiny = 1e-300;
  double c = 1.0;
  double d = 1.0 / (1.0 - (a + b) * x / (a + 1.0));
  double fraction = d;
  for (int m = 1; m < 10'000; ++m) {
    const auto k = static_cast<double>(m);
    for (const double term : {k * (b - k) * x / ((a + 2.0 * k - 1.0) * (a + 2.0 * k)),
                              -(a + k) * (a + b + k) * x / ((a + 2.0 * k) * (a + 2.0 * k + 1.0))}) {
      d = 1.0 + term * d;
      c = 1.0 + term / c;
      d = 1.0 / (std::abs(d) < tiny ? tiny : d);
      c = std::abs(c) < tiny ? tiny : c;
      fraction *= c * d;
    }
    if (std::abs(c * d - 1.0) < 1e-16) break;
  }
  return fraction;
}

/// std::lgamma() writes a global sign, which threads would share.
double log_gamma(double x) {
  int sign = 0;
  return lgamma_r(x, &sign);
}

double regularised_beta(double a, double b, double x) {
  if (x <= 0.0) return 0.0;
  if (x >= 1.0) return 1.0;
  const double log_front = log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) + b * std::log1p(-x);
  if (x < (a + 1.0) / (a + b + 2.0)) return std::exp(log_front) * beta_fraction(a, b, x) / a;
  return 1.0 - std::exp(log_front) * beta_fraction(b, a, 1.0 - x) / b;
}

}  // namespace

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

double normal_quantile(double p) { return quantile(p, normal_cdf); }

double student_t_cdf(double t, double degrees) {
  if (std::isinf(t)) return t < 0.0 ? 0.0 : 1.0;
  const double tail = 0.5 * regularised_beta(degrees / 2.0, 0.5, degrees / (degrees + t * t));
  return t < 0.0 ? tail : 1.0 - tail;
}

double student_t_quantile(double p, double degrees) {
  return quantile(p, [&](double t) { return student_t_cdf(t, degrees); });
}

namespace {
/// Satterthwaite's degrees grow without bound where one error is a rounding alone; from here on the two distributions
/// agree to nine digits.
bool as_good_as_normal(double degrees) { return degrees <= 0.0 || degrees > 1e9; }
}  // namespace

double t_or_normal_cdf(double t, double degrees) {
  return as_good_as_normal(degrees) ? normal_cdf(t) : student_t_cdf(t, degrees);
}

double t_or_normal_quantile(double p, double degrees) {
  return as_good_as_normal(degrees) ? normal_quantile(p) : student_t_quantile(p, degrees);
}

Interval interval_around(double estimate, double stderror, double degrees) {
  const double half = t_or_normal_quantile(0.975, degrees) * stderror;
  return {estimate - half, estimate + half};
}

double detectable_difference(double stderror, double degrees) {
  return (t_or_normal_quantile(0.975, degrees) + t_or_normal_quantile(0.8, degrees)) * stderror;
}

}  // namespace touchstone
