#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "harness/measure/statistics.hpp"

namespace touchstone {

double pearson(std::span<const double> x, std::span<const double> y);
/// Pearson's of the ranks; equal values share the mean of theirs.
double spearman(std::span<const double> x, std::span<const double> y);

/// A correlation of values that come in clusters: cells of one arm resemble each other, so that more seeds of the same
/// arms are not more cases.
struct ClusteredCorrelation {
  double r = 0.0;
  double z = 0.0;         ///< Fisher's atanh(r), where the error is near normal
  double stderror = 0.0;  ///< of z, from leaving out one cluster at a time
  double degrees = 0.0;   ///< of Student's t: clusters - 1
  Interval interval;      ///< of r
};
/// The jackknife over clusters (Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 11; for clusters
/// Cameron and Miller, Journal of Human Resources 50 (2015), 317). `cluster` names each value's. Throws Fault::data for
/// fewer than four clusters or lists of different lengths.
ClusteredCorrelation clustered_correlation(std::span<const double> x, std::span<const double> y,
                                           std::span<const std::uint32_t> cluster, bool ranks, double alpha = 0.05);

/// Of all orders in which the clusters' y can stand beside their x, the shares whose correlation is at least, and at
/// most, the one found. Without an association all orders are equally likely, so these are exact one-sided p-values
/// (Fisher's permutation test), where the jackknife of few clusters is far off its level: of four with one value each
/// it shows a rank correlation in 18 % of cases where there is none.
struct ClusterOrders {
  double as_high = 1.0;
  double as_low = 1.0;
};
/// None for more than eight clusters, of which there are too many orders, and for clusters of different sizes. A
/// cluster's values stay in their order (of seeds).
std::optional<ClusterOrders> cluster_orders(std::span<const double> x, std::span<const double> y,
                                            std::span<const std::uint32_t> cluster, bool ranks);
/// The smallest one-sided p that the orders of so many clusters can give.
double least_order_p(std::size_t clusters);

}  // namespace touchstone
