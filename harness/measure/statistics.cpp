#include "harness/measure/statistics.hpp"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <string_view>

#include "harness/base/error.hpp"

namespace touchstone {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

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
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, values.size() < 2 ? nan : std::sqrt(squares / (n - 1.0)) / std::sqrt(n)};
}

std::int64_t count_clusters(std::span<const std::string> clusters) {
  return static_cast<std::int64_t>(resampling_units(0, clusters).size());
}

double clustered_error(std::span<const double> values, std::span<const std::string> clusters) {
  require_equal_lengths(values.size(), clusters.size(), "cluster names");
  const double mean = mean_error(values).mean;
  const auto groups = resampling_units(0, clusters);
  if (groups.size() < 2) return nan;
  double squares = 0.0;
  for (const auto& group : groups) {
    double sum = 0.0;
    for (const auto item : group) sum += values[item] - mean;
    squares += sum * sum;
  }
  const auto count = static_cast<double>(groups.size());
  return std::sqrt(count / (count - 1.0) * squares) / static_cast<double>(values.size());
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
    const double gap = std::max(0.0, std::abs(static_cast<double>(only_before - only_after)) - 1.0);
    return std::erfc(gap / std::sqrt(2.0 * static_cast<double>(all)));  // P(chi-square_1 > gap^2 / all)
  }
  double term = std::ldexp(1.0, -static_cast<int>(all));
  double sum = term;
  for (std::int64_t i = 0; i < fewer; ++i) {
    term *= static_cast<double>(all - i) / static_cast<double>(i + 1);
    sum += term;
  }
  return std::min(1.0, 2.0 * sum);
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

Paired paired(std::span<const double> before, std::span<const double> after, std::span<const std::string> clusters,
              bool binary, double whole) {
  require_equal_lengths(before.size(), after.size(), "scores after");
  if (!clusters.empty()) require_equal_lengths(before.size(), clusters.size(), "cluster names");
  Paired found;
  found.items = static_cast<std::int64_t>(before.size());
  found.binary = binary;
  std::vector<double> change(before.size());
  for (std::size_t at = 0; at < before.size(); ++at) {
    require(!binary || (is_binary(before[at]) && is_binary(after[at])), Fault::data,
            [&] { return "paired comparison: score of item " + std::to_string(at) + " is neither 0 nor 1"; });
    change[at] = after[at] - before[at];
    found.lost += change[at] < 0.0 ? 1 : 0;
    found.gained += change[at] > 0.0 ? 1 : 0;
  }
  const auto mean = mean_error(change);
  const auto groups = count_clusters(clusters);
  found.difference = mean.mean;
  found.stderror = mean.stderror;
  if (found.items < 30) found.degrees = std::max(1.0, static_cast<double>(found.items - 1));
  if (groups >= 2 && groups < found.items) {
    found.clusters = groups;
    found.degrees = static_cast<double>(groups - 1);
    const double error = clustered_error(change, clusters);
    if (error > 0.0) found.stderror = error;  // exactly 0 when the changes cancel in every cluster: no measure of noise
  }
  const bool unchanged = found.lost + found.gained == 0;
  const auto n = static_cast<double>(found.items);
  found.planning_error = unchanged ? whole / (n + 2.0) : found.stderror;
  const double z = t_or_normal_quantile(0.975, found.degrees);
  found.interval = {found.difference - z * found.stderror, found.difference + z * found.stderror};
  if (binary && unchanged) found.interval = paired_score_interval(0.0, 0.0, n, z);
  if (binary) found.p_mcnemar = mcnemar(found.lost, found.gained);
  if (binary && found.clusters == 0) {
    found.p_value = found.p_mcnemar;
  } else if (!unchanged && found.items >= 2) {
    found.p_value = 2.0 * t_or_normal_cdf(-std::abs(found.difference) / found.stderror, found.degrees);
  }
  return found;
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

Combined combine(std::span<const double> stderrors, std::span<const double> degrees) {
  require_equal_lengths(stderrors.size(), degrees.size(), "degrees of freedom");
  double squares = 0.0;
  double fourths = 0.0;
  for (std::size_t at = 0; at < stderrors.size(); ++at) {
    const double square = stderrors[at] * stderrors[at];
    squares += square;
    if (degrees[at] > 0.0) fourths += square * square / degrees[at];
  }
  return {std::sqrt(squares), fourths > 0.0 ? squares * squares / fourths : 0.0};
}

std::vector<std::vector<std::uint32_t>> resampling_units(std::size_t items, std::span<const std::string> clusters) {
  std::vector<std::vector<std::uint32_t>> units;
  std::map<std::string_view, std::size_t> known;
  for (std::uint32_t at = 0; at < clusters.size(); ++at) {
    const auto place =
        clusters[at].empty() ? units.size() : known.try_emplace(clusters[at], units.size()).first->second;
    if (place == units.size()) units.emplace_back();
    units[place].push_back(at);
  }
  if (units.size() >= 2 || items == 0) return units;
  units.assign(items, {});
  for (std::uint32_t at = 0; at < items; ++at) units[at].push_back(at);
  return units;
}

Bootstrap summarise(std::vector<double> values) {
  if (values.size() < 2) return {nan, {nan, nan}};
  const double spread = mean_error(values).stderror * std::sqrt(static_cast<double>(values.size()));
  std::sort(values.begin(), values.end());
  const auto quantile = [&](double share) {
    const double place = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const auto above = std::min(below + 1, values.size() - 1);
    return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
  };
  return {spread, {quantile(0.025), quantile(0.975)}};
}

Bootstrap bootstrap(std::size_t items, std::span<const std::string> clusters,
                    const std::function<double(std::span<const std::uint32_t>)>& statistic, int resamples,
                    std::uint64_t seed) {
  const auto units = resampling_units(items, clusters);
  if (units.empty()) return {nan, {nan, nan}};
  Resampler draw(seed);
  std::vector<std::uint32_t> drawn;
  std::vector<double> values;
  for (int round = 0; round < resamples; ++round) {
    drawn.clear();
    for (std::size_t left = units.size(); left-- > 0;) {
      const auto& unit = units[draw.below(static_cast<std::uint32_t>(units.size()))];
      drawn.insert(drawn.end(), unit.begin(), unit.end());
    }
    values.push_back(statistic(drawn));
  }
  return summarise(std::move(values));
}

namespace {

/// Out-of-range arguments give nan, and the ends of a distribution give infinity, as in <cmath>; nothing throws.
using Quiet = boost::math::policies::policy<boost::math::policies::domain_error<boost::math::policies::ignore_error>,
                                            boost::math::policies::overflow_error<boost::math::policies::ignore_error>>;
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

Interval interval_around(double estimate, double stderror, double degrees) {
  const double half = t_or_normal_quantile(0.975, degrees) * stderror;
  return {estimate - half, estimate + half};
}

double detectable_difference(double stderror, double degrees) {
  return (t_or_normal_quantile(0.975, degrees) + t_or_normal_quantile(0.8, degrees)) * stderror;
}

}  // namespace touchstone
