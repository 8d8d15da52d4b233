#include "harness/measure/statistics.hpp"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/non_central_t.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "harness/base/error.hpp"

namespace touchstone {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double wanted_power = 0.8;

bool is_binary(double value) { return value == 0.0 || value == 1.0; }

void require_equal_lengths(std::size_t wanted, std::size_t found, const char* what) {
  require(wanted == found, Fault::data, [&] {
    return std::string("paired comparison: ") + std::to_string(found) + " " + what + " for " + std::to_string(wanted) +
           " items";
  });
}

}  // namespace

MeanError mean_error(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  double sum = 0.0;
  for (const double value : values) sum += value;
  const double mean = values.empty() ? nan : sum / n;
  double squares = 0.0;
  // The mean of equal values may differ from them in its last digit, which would be an error of 1e-17 instead of none.
  const bool equal = std::all_of(values.begin(), values.end(), [&](double value) { return value == values.front(); });
  for (const double value : values) squares += equal ? 0.0 : (value - mean) * (value - mean);
  return {mean, values.size() < 2 ? nan : std::sqrt(squares / (n - 1.0)) / std::sqrt(n)};
}

Interval wilson(std::int64_t right, std::int64_t all, double confidence) {
  if (all <= 0) return {0.0, 1.0};
  const double z = normal_quantile(0.5 + confidence / 2.0);
  const auto n = static_cast<double>(all);
  const double p = static_cast<double>(right) / n;
  const double centre = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
  const double half = z / (1.0 + z * z / n) * std::sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n));
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

double pooled_error(std::span<const double> stderrors, std::span<const std::int64_t> sizes) {
  require_equal_lengths(stderrors.size(), sizes.size(), "sizes");
  double sum = 0.0;
  std::int64_t items = 0;
  for (std::size_t at = 0; at < sizes.size(); ++at) {
    const auto n = static_cast<double>(sizes[at]);
    sum += ((n - 1.0) * (stderrors[at] * stderrors[at])) * n;
    items += sizes[at];
  }
  const auto free = static_cast<double>(items - static_cast<std::int64_t>(sizes.size()));
  return std::sqrt(sum / free / static_cast<double>(items));
}

double mcnemar(std::int64_t only_before, std::int64_t only_after) {
  const auto all = only_before + only_after;
  if (all == 0) return 1.0;
  const auto fewer = std::min(only_before, only_after);
  if (all > 1000) {
    const double gap = std::abs(static_cast<double>(only_before - only_after));
    return std::erfc(gap / std::sqrt(2.0 * static_cast<double>(all)));  // P(chi-square_1 > gap^2 / all)
  }
  double term = std::ldexp(1.0, -static_cast<int>(all));
  double below = 0.0;  // P(X < fewer), X binomial
  for (std::int64_t i = 0; i < fewer; ++i) {
    below += term;
    term *= static_cast<double>(all - i) / static_cast<double>(i + 1);
  }
  return std::min(1.0, 2.0 * below + term);
}

double paired_score_variance(double lost, double gained, double items, double difference) {
  const double a = 2.0 * items;
  const double b = -gained - lost + (2.0 * items - gained + lost) * difference;
  const double c = -lost * difference * (1.0 - difference);
  const double p_lost = (std::sqrt(std::max(0.0, b * b - 4.0 * a * c)) - b) / (2.0 * a);
  return std::max(0.0, 2.0 * p_lost + difference * (1.0 - difference));
}

double paired_score(double lost, double gained, double items, double difference) {
  const double variance = items * paired_score_variance(lost, gained, items, difference);
  const double gap = gained - lost - items * difference;
  if (variance <= 0.0) return gap == 0.0 ? 0.0 : std::copysign(std::numeric_limits<double>::infinity(), gap);
  return gap / std::sqrt(variance);
}

Interval paired_score_interval(double lost, double gained, double items, double z) {
  if (items <= 0.0) return {-1.0, 1.0};
  const double found = (gained - lost) / items;
  // The statistic falls as the difference rises; the two ends of the interval are where it crosses +-z.
  const auto crossing = [&](double inner, double outer, double wanted) {
    for (int step = 0; step < 100; ++step) {
      const double middle = 0.5 * (inner + outer);
      const bool inside = std::abs(paired_score(lost, gained, items, middle)) < wanted;
      (inside ? inner : outer) = middle;
    }
    return 0.5 * (inner + outer);
  };
  return {crossing(found, -1.0, z), crossing(found, 1.0, z)};
}

Paired paired(std::span<const double> before, std::span<const double> after, const ItemUnits& units, bool binary,
              double whole) {
  require_equal_lengths(before.size(), after.size(), "scores after");
  Paired found;
  found.items = static_cast<std::int64_t>(before.size());
  found.binary = binary;
  std::vector<double> change(before.size());
  for (std::size_t at = 0; at < before.size(); ++at) {
    require(!binary || (is_binary(before[at]) && is_binary(after[at])), Fault::data,
            [&] { return "paired comparison: the score of item " + std::to_string(at) + " is neither 0 nor 1"; });
    change[at] = after[at] - before[at];
    found.lost += change[at] < 0.0 ? 1 : 0;
    found.gained += change[at] > 0.0 ? 1 : 0;
  }
  const auto n = static_cast<double>(found.items);
  const double without_change = whole / (n + 2.0);
  found.mean = item_mean(change, units, without_change * without_change);
  found.difference = mean_error(change).mean;
  found.degrees = found.mean.degrees;
  const auto count = static_cast<std::int64_t>(found.mean.units.size());
  if (count < found.items) found.clusters = count;
  found.planning_error = std::sqrt(item_variance(found.mean));
  const bool unchanged = found.lost + found.gained == 0;
  found.stderror = unchanged ? 0.0 : found.planning_error;
  found.interval = interval_around(found.difference, found.planning_error, found.degrees);
  if (binary) found.p_mcnemar = mcnemar(found.lost, found.gained);
  if (binary && (unchanged || found.clusters == 0)) {
    const double independent = found.clusters > 0 ? static_cast<double>(found.clusters) : n;
    found.interval = paired_score_interval(static_cast<double>(found.lost), static_cast<double>(found.gained),
                                           independent, normal_quantile(0.975));
  }
  if (binary && found.clusters == 0) {
    found.p_value = found.p_mcnemar;
  } else if (!unchanged && count >= 2) {
    found.p_value = 2.0 * t_or_normal_cdf(-std::abs(found.difference) / found.stderror, found.degrees);
  }
  return found;
}

double Paired::detectable(double alpha) const {
  if (!binary || clusters > 0) return detectable_difference(planning_error, degrees, alpha);
  const auto n = static_cast<double>(items);
  // Half an observation more in each cell of the 2x2 table, as for planning_error.
  const double changed = (static_cast<double>(lost + gained) + 1.0) / (n + 2.0);
  return detectable_change(changed, n, alpha);
}

std::vector<double> holm(std::span<const double> p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(p_values.size());
  double highest = 0.0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const auto left = static_cast<double>(order.size() - rank);
    highest = std::max(highest, std::min(1.0, left * p_values[order[rank]]));
    adjusted[order[rank]] = highest;
  }
  return adjusted;
}

namespace {

/// Out-of-range arguments give nan, and the ends of a distribution give infinity, as in <cmath>; nothing throws.
using Quiet =
    boost::math::policies::policy<boost::math::policies::domain_error<boost::math::policies::ignore_error>,
                                  boost::math::policies::overflow_error<boost::math::policies::ignore_error>,
                                  boost::math::policies::rounding_error<boost::math::policies::ignore_error>,
                                  boost::math::policies::evaluation_error<boost::math::policies::ignore_error>>;
using Normal = boost::math::normal_distribution<double, Quiet>;
using StudentT = boost::math::students_t_distribution<double, Quiet>;

}  // namespace

double normal_cdf(double z) { return boost::math::cdf(Normal(), z); }

double normal_quantile(double p) { return boost::math::quantile(Normal(), p); }

double student_t_cdf(double t, double degrees) { return boost::math::cdf(StudentT(degrees), t); }

double student_t_quantile(double p, double degrees) { return boost::math::quantile(StudentT(degrees), p); }

namespace {
/// Satterthwaite's degrees grow without bound when one error is only a rounding error; above this limit t and normal
/// agree to nine digits.
bool as_good_as_normal(double degrees) { return degrees <= 0.0 || degrees > 1e9; }
}  // namespace

double t_or_normal_cdf(double t, double degrees) {
  return as_good_as_normal(degrees) ? normal_cdf(t) : student_t_cdf(t, degrees);
}

double t_or_normal_quantile(double p, double degrees) {
  return as_good_as_normal(degrees) ? normal_quantile(p) : student_t_quantile(p, degrees);
}

Interval interval_around(double estimate, double stderror, double degrees, double alpha) {
  const double half = t_or_normal_quantile(1.0 - alpha / 2.0, degrees) * stderror;
  return {estimate - half, estimate + half};
}

double power_of(double effect, double degrees, double alpha) {
  const double needed = t_or_normal_quantile(1.0 - alpha / 2.0, degrees);
  if (as_good_as_normal(degrees)) return normal_cdf(effect - needed) + normal_cdf(-effect - needed);
  const boost::math::non_central_t_distribution<double, Quiet> shifted(degrees, effect);
  return 1.0 - boost::math::cdf(shifted, needed) + boost::math::cdf(shifted, -needed);
}

namespace {

/// Where a rising function reaches `wanted`; nan where it does not below 10,000: so far out the non-central t is not
/// known.
template <class Power>
double where_power(double wanted, double high, const Power& power) {
  constexpr double highest = 1e4;
  double low = 0.0;
  while (power(high) < wanted) {
    high *= 2.0;
    if (high > highest) return nan;
  }
  for (int step = 0; step < 60; ++step) {
    const double middle = 0.5 * (low + high);
    (power(middle) < wanted ? low : high) = middle;
  }
  return high;
}

}  // namespace

double detectable_difference(double stderror, double degrees, double alpha, double power) {
  if (!std::isfinite(stderror)) return nan;
  // The expectation of an estimated standard deviation, as a share of the true one ("c4" of quality control).
  const double mean_share =
      as_good_as_normal(degrees)
          ? 1.0
          : std::sqrt(2.0 / degrees) * std::exp(std::lgamma(0.5 * (degrees + 1.0)) - std::lgamma(0.5 * degrees));
  return stderror / mean_share *
         where_power(power, 3.0, [&](double effect) { return power_of(effect, degrees, alpha); });
}

namespace {

using Binomial = boost::math::binomial_distribution<double, Quiet>;

/// The largest count of the rarer direction among `all` changed items that McNemar's test shows; -1: none is shown.
std::int64_t largest_shown(std::int64_t all, double alpha) {
  std::int64_t most = -1;
  while (2 * (most + 1) <= all && mcnemar(most + 1, all - most - 1) < alpha) ++most;
  return most;
}

/// Power of McNemar's test for independent items of which `share` change, by `difference` more in one direction.
double mcnemar_power(double items, double share, double difference, double alpha) {
  const Binomial changes(items, share);
  const double mean = items * share;
  const double reach = 5.0 * std::sqrt(mean * (1.0 - share)) + 1.0;
  const double towards = (share + difference) / (2.0 * share);
  double power = 0.0;
  for (double all = std::max(0.0, std::floor(mean - reach)); all <= std::min(items, mean + reach); all += 1.0) {
    const auto most = largest_shown(static_cast<std::int64_t>(all), alpha);
    if (most < 0) continue;
    const auto rarer = static_cast<double>(most);
    power += boost::math::pdf(changes, all) *
             (boost::math::cdf(Binomial(all, 1.0 - towards), rarer) + boost::math::cdf(Binomial(all, towards), rarer));
  }
  return power;
}

}  // namespace

double detectable_change(double changed, double items, double alpha) {
  constexpr double counted = 50.0;  // changed items up to which counts are taken one by one
  const double needed = normal_quantile(1.0 - alpha / 2.0);
  const auto power = [&](double difference) {
    const double share = std::min(1.0, std::max(changed, difference));
    if (items * share < counted) return mcnemar_power(items, share, std::min(difference, share), alpha);
    const double spread = share - difference * difference;
    const double over = difference * std::sqrt(items) - needed * std::sqrt(share);
    if (spread > 0.0) return normal_cdf(over / std::sqrt(spread));
    return over > 0.0 ? 1.0 : 0.0;
  };
  double low = 0.0;
  double high = 1.0;
  for (int step = 0; step < 20; ++step) {
    const double middle = 0.5 * (low + high);
    (power(middle) < wanted_power ? low : high) = middle;
  }
  return high;
}

}  // namespace touchstone
