#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace touchstone {

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

struct MeanError {
  double mean = 0.0;
  double stderror = 0.0;  ///< sample standard deviation (n - 1) over sqrt(n); nan for n < 2
};

/// Plain left-to-right mean with its standard error, in the reference's order of operations.
MeanError mean_error(std::span<const double> values);

/// Standard error of a mean when items of one cluster are dependent: sqrt(G/(G-1) * sum_c (sum_{i in c} (x_i - m))^2) /
/// n. Source: Miller, Adding Error Bars to Evals, arXiv 2411.00640 (finite-cluster form).
double clustered_error(std::span<const double> values, std::span<const std::string> clusters);

/// Wilson score interval of a proportion.
Interval wilson(std::int64_t right, std::int64_t all, double confidence = 0.95);

/// Pooled standard error of a group: sqrt(sum (n_i - 1) s_i^2 n_i / (sum n_i - K) / sum n_i), in the reference's order.
double pooled_error(std::span<const double> stderrors, std::span<const std::int64_t> sizes);

double normal_quantile(double p);
double normal_cdf(double z);
double student_t_cdf(double t, double degrees);
double student_t_quantile(double p, double degrees);

/// Two runs on the same items.
struct Paired {
  std::int64_t items = 0;
  double difference = 0.0;  ///< mean of after - before
  double stderror = 0.0;    ///< of that mean, paired (clustered when clusters are given)
  Interval interval;        ///< 95 %: normal, Student's t for n < 30 or with clusters (G - 1 degrees)
  double p_value = 1.0;   ///< two-sided; McNemar's exact one for 0/1 scores, otherwise from the interval's distribution
  std::int64_t lost = 0;  ///< right before, wrong after
  std::int64_t gained = 0;
  double detectable = 0.0;  ///< smallest difference shown with 80 % power at alpha 0.05: 2.80 * stderror
};
/// `clusters` may be empty. Throws Fault::data when the lengths differ.
Paired paired(std::span<const double> before, std::span<const double> after, std::span<const std::string> clusters = {},
              bool binary = true);

/// Exact two-sided McNemar test on the discordant counts; above 1000 of them the continuity-corrected chi-square.
double mcnemar(std::int64_t only_before, std::int64_t only_after);

/// Holm's adjusted p-values, in the order given.
std::vector<double> holm(std::span<const double> p_values);

/// Paired bootstrap over items (whole clusters when given) of any statistic of a resample of indices.
struct Bootstrap {
  double stderror = 0.0;
  Interval interval;  ///< percentile
};

}  // namespace touchstone
