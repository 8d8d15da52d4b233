#include "harness/measure/correlation.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "harness/base/error.hpp"
#include "harness/measure/rank_tests.hpp"

namespace touchstone {
namespace {

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

}  // namespace touchstone
