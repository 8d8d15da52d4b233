#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "harness/base/seed.hpp"

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
/// n. An empty cluster name is a cluster of its own. nan with fewer than two clusters. Source: Miller, Adding Error
/// Bars to Evals, arXiv 2411.00640 (finite-cluster form).
double clustered_error(std::span<const double> values, std::span<const std::string> clusters);

/// How many clusters there are; each empty name counts by itself.
std::int64_t count_clusters(std::span<const std::string> clusters);

/// Wilson score interval of a proportion. Source: Wilson, JASA 22 (1927), 209.
Interval wilson(std::int64_t right, std::int64_t all, double confidence = 0.95);

/// Pooled standard error of a group: sqrt(sum (n_i - 1) s_i^2 n_i / (sum n_i - K) / sum n_i), in the reference's order.
double pooled_error(std::span<const double> stderrors, std::span<const std::int64_t> sizes);

double normal_quantile(double p);
double normal_cdf(double z);
double student_t_cdf(double t, double degrees);
double student_t_quantile(double p, double degrees);
/// The same two functions for Student's t, or for the normal distribution where `degrees` is 0.
double t_or_normal_cdf(double t, double degrees);
double t_or_normal_quantile(double p, double degrees);
/// The 95 % interval of an estimate with this error.
Interval interval_around(double estimate, double stderror, double degrees);
/// The smallest difference that an estimate with this error detects with 80 % power at two-sided alpha 0.05.
double detectable_difference(double stderror, double degrees);

/// By how many standard errors a difference must exceed 0 to be detected at two-sided alpha 0.05, 80 % power: 1.96 +
/// 0.84.
inline constexpr double power_factor = 2.80;

/// Two runs on the same items.
struct Paired {
  std::int64_t items = 0;
  std::int64_t clusters = 0;  ///< 0: the items are independent
  bool binary = false;        ///< every score is 0 or 1
  double difference = 0.0;    ///< mean of after - before
  double stderror = 0.0;      ///< of that mean, paired (clustered when there are at least two clusters)
  double degrees = 0.0;       ///< of Student's t: n - 1 for n < 30, G - 1 with clusters; 0: the normal distribution
  Interval interval;          ///< 95 %. When no 0/1 item changed (+- 0 would be false) it is paired_score_interval()'s
  double p_value = 1.0;       ///< two-sided: McNemar's exact test for independent 0/1 items, otherwise from `degrees`
  double p_mcnemar = 1.0;     ///< for 0/1 items, also with clusters (the value then assumes independent items)
  std::int64_t lost = 0;      ///< items whose score fell: right before, wrong after
  std::int64_t gained = 0;
  /// The error for planning and averaging: stderror, but `whole` / (n + 2) where no item changed. That is the error for
  /// half an observation added to each cell of the 2x2 table (Agresti and Min, Statistics in Medicine 24 (2005), 729).
  /// An error of 0 would promise that no sample of these items can ever show a change.
  double planning_error = 0.0;
  /// Smallest difference that such a sample detects with 80 % power at alpha 0.05.
  double detectable() const { return power_factor * planning_error; }
};
/// `clusters` may be empty; `whole` is the score of an item that is fully right. Throws Fault::data when the lengths
/// differ, and for `binary` scores other than 0 and 1.
Paired paired(std::span<const double> before, std::span<const double> after, std::span<const std::string> clusters = {},
              bool binary = true, double whole = 1.0);

/// Exact two-sided McNemar test on the discordant counts; above 1000 of them the continuity-corrected chi-square.
double mcnemar(std::int64_t only_before, std::int64_t only_after);

/// Score statistic of H0: (p_after - p_before) = `difference` for paired 0/1 items; standard normal under H0. Counts
/// may be fractions (effective counts of clustered items). Source: Tango, Statistics in Medicine 17 (1998), 891,
/// equation 8.
double paired_score(double lost, double gained, double items, double difference);

/// Variance of one item's change under that hypothesis, as in the denominator of paired_score(): 2 p_lost + d (1 - d),
/// with the maximum-likelihood value of p_lost.
double paired_score_variance(double lost, double gained, double items, double difference);

/// The differences that paired_score() does not reject at |z|; valid even where few or no items changed.
Interval paired_score_interval(double lost, double gained, double items, double z);

/// Holm's adjusted p-values, in the order given. Source: Holm, Scandinavian Journal of Statistics 6 (1979), 65.
std::vector<double> holm(std::span<const double> p_values);

/// Standard error and Satterthwaite's degrees of freedom of a sum of independent estimates. Divide the error by the
/// count for their mean.
struct Combined {
  double stderror = 0.0;
  double degrees = 0.0;  ///< 0: normal
};
/// sqrt(sum se_i^2). Degrees: (sum se^2)^2 / sum(se^4 / df), where df 0 is infinite (Satterthwaite, Biometrics 2
/// (1946), 110).
Combined combine(std::span<const double> stderrors, std::span<const double> degrees);

struct Bootstrap {
  double stderror = 0.0;
  Interval interval;  ///< percentile, 95 %
};

/// A small seeded generator (splitmix64) for resampling, equal on every machine.
class Resampler {
 public:
  explicit Resampler(std::uint64_t seed) : state_(seed) {}
  std::uint64_t u64() { return splitmix64_mix(state_ += splitmix64_step); }
  /// In [0, n) for 0 < n < 2^32, by multiplication (Lemire, arXiv 1805.10941, without the rejection step: the bias is
  /// below n / 2^32).
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(((u64() >> 32U) * n) >> 32U); }

 private:
  std::uint64_t state_;
};

/// Which items are drawn together: one list of indices a cluster, in order of first appearance; `items` lists of one
/// when `clusters` is empty or names fewer than two.
std::vector<std::vector<std::uint32_t>> resampling_units(std::size_t items, std::span<const std::string> clusters);

/// Paired bootstrap over items (whole clusters when given) of any statistic of a resample of indices. The draws come
/// from `seed` alone.
Bootstrap bootstrap(std::size_t items, std::span<const std::string> clusters,
                    const std::function<double(std::span<const std::uint32_t>)>& statistic, int resamples,
                    std::uint64_t seed);

/// Standard deviation and 2.5 % and 97.5 % points (linear between order statistics) of resampled values.
Bootstrap summarise(std::vector<double> values);

}  // namespace touchstone
