#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "harness/base/seed.hpp"
#include "harness/measure/item_mean.hpp"

namespace touchstone {

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

struct MeanError {
  double mean = 0.0;
  double stderror = 0.0;  ///< sample standard deviation (n - 1) over sqrt(n); 0 for equal values; nan for n < 2
};

/// Plain left-to-right mean with its standard error, in the reference's order of operations.
MeanError mean_error(std::span<const double> values);

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
/// The interval of an estimate with this error that misses the truth with probability `alpha`: 95 % by default.
Interval interval_around(double estimate, double stderror, double degrees, double alpha = 0.05);
/// Probability that a two-sided test at `alpha` shows a difference of `effect` standard errors, by the non-central t
/// distribution (normal where `degrees` is 0).
double power_of(double effect, double degrees, double alpha);
/// The smallest difference that an estimate with this error, which few degrees make too small on average, shows with
/// `power` at two-sided `alpha`: of several tests that are corrected together 0.05 over their number.
double detectable_difference(double stderror, double degrees, double alpha = 0.05, double power = 0.8);
/// The same for independent 0/1 items of which the share `changed` changed: at a difference d at least d of the items
/// change (Connor, Biometrics 43 (1987), 207). Below 50 changed items the test's own power is summed over their
/// numbers, above it is that of the normal distribution. 1 where no change of so few items is shown in 80 %.
double detectable_change(double changed, double items, double alpha = 0.05);

/// Two runs on the same items.
struct Paired {
  std::int64_t items = 0;
  std::int64_t clusters = 0;  ///< units of dependent items; 0: the items are independent
  bool binary = false;        ///< every score is 0 or 1
  double difference = 0.0;    ///< mean of after - before
  ItemMean mean;              ///< the difference with its units
  double stderror = 0.0;      ///< of that mean, for these strata and units; 0 where no item changed
  double degrees = 0.0;       ///< of Student's t
  /// 95 %: paired_score_interval()'s for independent 0/1 items, otherwise from `stderror` and `degrees`. Graded scores
  /// without a change: from `planning_error`.
  Interval interval;
  double p_value = 1.0;    ///< two-sided: McNemar's mid-p for independent 0/1 items, otherwise from `degrees`
  double p_mcnemar = 1.0;  ///< for 0/1 items, also with clusters (the value then assumes independent items)
  std::int64_t lost = 0;   ///< items whose score fell: right before, wrong after
  std::int64_t gained = 0;
  /// The error for planning and averaging: stderror, but `whole` / (n + 2) where no item changed. That is the error for
  /// half an observation added to each cell of the 2x2 table (Agresti and Min, Statistics in Medicine 24 (2005), 729).
  /// An error of 0 would promise that no sample of these items can ever show a change.
  double planning_error = 0.0;
  /// Smallest difference that such a sample shows with 80 % power at two-sided `alpha`.
  double detectable(double alpha = 0.05) const;
};
/// `units` may be empty: every item is one of its own, named by its place. `whole` is the score of an item that is
/// fully right. Throws Fault::data when the lengths differ, and for `binary` scores other than 0 and 1.
Paired paired(std::span<const double> before, std::span<const double> after, const ItemUnits& units = {},
              bool binary = true, double whole = 1.0);

/// Two-sided McNemar test on the discordant counts, mid-p: the exact conditional test, with half of the probability of
/// what was observed (Fagerland, Lydersen and Laake, BMC Med. Res. Methodol. 13 (2013), 91); above 1000 of them the
/// chi-square.
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

/// A small seeded generator (splitmix64) for simulations, equal on every machine.
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

}  // namespace touchstone
