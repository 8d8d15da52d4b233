#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace touchstone {

/// What one unit of items adds to the error of a mean. A unit is an item, or a cluster of dependent ones.
struct UnitPart {
  std::uint64_t unit = 0;
  double part = 0.0;
};

/// A mean over items, or a weighted sum of such means. The sum of the squared parts is the variance that drawing other
/// items would give it; the sum of the products of two means' parts, unit by unit, is their covariance. So sums, means
/// over benchmarks that share questions, and seeds that were asked the same questions need no formula of their own.
struct ItemMean {
  double value = 0.0;
  std::vector<UnitPart> units;  ///< ordered by unit, each unit once
  double degrees = 0.0;         ///< of Student's t; 0: normal
};

double item_variance(const ItemMean& mean);
double item_covariance(const ItemMean& one, const ItemMean& two);

/// sum_k weight_k mean_k. Its degrees are Satterthwaite's over the means (Biometrics 2 (1946), 110), each with its
/// share of the variance.
ItemMean weighted_sum(std::span<const ItemMean* const> means, std::span<const double> weights);

/// How the items of a mean hang together.
struct ItemUnits {
  /// Of each item; items of one unit are dependent. Empty: each is a unit of its own, named by its place.
  std::span<const std::uint64_t> unit;
  std::span<const std::uint32_t> stratum;  ///< of each item; empty: one stratum. A unit lies within one stratum.
};

/// The mean of `values`, in which the strata are all there are and their units a sample (Cochran, Sampling Techniques,
/// chapter 5). Parts are those of the bias-reduced sandwich estimator CR2, and the degrees are Bell and McCaffrey's
/// (Survey Methodology 28 (2002), 169; Imbens and Kolesar, REStat 98 (2016), 701); for units of one item each both are
/// the usual error and n - 1. A stratum of a single unit tells nothing of its variance: such strata are joined. Where
/// there is one unit in all, its items are taken as independent.
///
/// `least_variance` replaces a variance of exactly 0 (no value differs from another), which would promise that no other
/// sample can. Throws Fault::data when the lengths differ.
ItemMean item_mean(std::span<const double> values, const ItemUnits& units, double least_variance = 0.0);

}  // namespace touchstone
