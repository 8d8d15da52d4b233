#include "harness/measure/correlation.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "harness/base/error.hpp"
#include "harness/measure/rank_tests.hpp"

namespace touchstone {
namespace {

constexpr std::size_t most_ordered_clusters = 8;

/// A correlation of exactly 1 has no atanh; nothing measured is that certain.
double fisher(double r) { return std::atanh(std::clamp(r, -0.999999, 0.999999)); }

}  // namespace

double pearson(std::span<const double> x, std::span<const double> y) {
  const double x_mean = mean_error(x).mean;
  const double y_mean = mean_error(y).mean;
  double xx = 0.0;
  double yy = 0.0;
  double xy = 0.0;
  for (std::size_t at = 0; at < x.size(); ++at) {
    xx += (x[at] - x_mean) * (x[at] - x_mean);
    yy += (y[at] - y_mean) * (y[at] - y_mean);
    xy += (x[at] - x_mean) * (y[at] - y_mean);
  }
  return xx > 0.0 && yy > 0.0 ? xy / std::sqrt(xx * yy) : 0.0;
}

double spearman(std::span<const double> x, std::span<const double> y) { return pearson(mid_ranks(x), mid_ranks(y)); }

ClusteredCorrelation clustered_correlation(std::span<const double> x, std::span<const double> y,
                                           std::span<const std::uint32_t> cluster, bool ranks, double alpha) {
  const std::set<std::uint32_t> clusters(cluster.begin(), cluster.end());
  require(x.size() == y.size() && x.size() == cluster.size() && clusters.size() >= 4, Fault::data,
          "a correlation needs values of four clusters");
  const auto correlation = ranks ? spearman : pearson;
  ClusteredCorrelation out;
  out.r = correlation(x, y);
  out.z = fisher(out.r);
  std::vector<double> left_out;
  for (const auto one : clusters) {
    std::vector<double> some_x;
    std::vector<double> some_y;
    for (std::size_t at = 0; at < x.size(); ++at) {
      if (cluster[at] == one) continue;
      some_x.push_back(x[at]);
      some_y.push_back(y[at]);
    }
    left_out.push_back(fisher(correlation(some_x, some_y)));
  }
  const auto count = static_cast<double>(left_out.size());
  // Of the mean of `count` values the error is s / sqrt(count); the jackknife's is (count - 1) times that.
  out.stderror = (count - 1.0) * mean_error(left_out).stderror;
  out.degrees = count - 1.0;
  const auto around = interval_around(out.z, out.stderror, out.degrees, alpha);
  out.interval = {std::tanh(around.low), std::tanh(around.high)};
  return out;
}

std::optional<ClusterOrders> cluster_orders(std::span<const double> x, std::span<const double> y,
                                            std::span<const std::uint32_t> cluster, bool ranks) {
  std::map<std::uint32_t, std::vector<std::size_t>> places;
  for (std::size_t at = 0; at < cluster.size(); ++at) places[cluster[at]].push_back(at);
  const auto size = places.empty() ? 0 : places.begin()->second.size();
  const bool equal =
      std::all_of(places.begin(), places.end(), [&](const auto& one) { return one.second.size() == size; });
  if (!equal || places.size() > most_ordered_clusters) return std::nullopt;
  const auto xs = ranks ? mid_ranks(x) : std::vector<double>(x.begin(), x.end());
  const auto ys = ranks ? mid_ranks(y) : std::vector<double>(y.begin(), y.end());
  const double x_mean = mean_error(xs).mean;
  const double y_mean = mean_error(ys).mean;
  // Orders change the sum of products alone, and of that only which cluster's y stand beside which cluster's x.
  std::vector<std::vector<double>> products;
  double all = 0.0;  // of absolute values: what rounding errors are a share of
  for (const auto& [name, beside] : places) {
    auto& row = products.emplace_back();
    for (const auto& [other, moved] : places) {
      double sum = 0.0;
      for (std::size_t at = 0; at < size; ++at) sum += (xs[beside[at]] - x_mean) * (ys[moved[at]] - y_mean);
      row.push_back(sum);
      all += std::fabs(sum);
    }
  }
  std::vector<std::size_t> order(products.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto sum_of = [&] {
    double sum = 0.0;
    for (std::size_t at = 0; at < order.size(); ++at) sum += products[at][order[at]];
    return sum;
  };
  const double found = sum_of();
  const double rounding = 1e-12 * all;
  double orders = 0.0;
  double high = 0.0;
  double low = 0.0;
  do {
    const double sum = sum_of();
    orders += 1.0;
    high += sum >= found - rounding ? 1.0 : 0.0;
    low += sum <= found + rounding ? 1.0 : 0.0;
  } while (std::next_permutation(order.begin(), order.end()));
  return ClusterOrders{high / orders, low / orders};
}

double least_order_p(std::size_t clusters) { return 1.0 / std::tgamma(static_cast<double>(clusters) + 1.0); }

}  // namespace touchstone
