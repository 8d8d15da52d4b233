#include "harness/measure/regression.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "harness/base/error.hpp"

namespace touchstone {
namespace {

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

/// A symmetric 2x2 matrix, its eigenvalues and unit eigenvectors.
struct Eigen2 {
  std::array<double, 2> value{};
  std::array<std::array<double, 2>, 2> vector{};
};

Eigen2 eigen2(double a, double b, double d) {
  Eigen2 out;
  const double mid = (a + d) / 2.0;
  const double half = std::hypot((a - d) / 2.0, b);
  out.value = {mid + half, mid - half};
  const double angle = 0.5 * std::atan2(2.0 * b, a - d);
  out.vector[0] = {std::cos(angle), std::sin(angle)};
  out.vector[1] = {-std::sin(angle), std::cos(angle)};
  return out;
}

double mean_of(std::span<const double> values) {
  double sum = 0.0;
  for (const auto value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double squares_around(std::span<const double> values, double centre) {
  double sum = 0.0;
  for (const auto value : values) sum += (value - centre) * (value - centre);
  return sum;
}

double explained(std::span<const double> y, const std::vector<double>& left) {
  const double all = squares_around(y, mean_of(y));
  double rest = 0.0;
  for (const auto value : left) rest += value * value;
  return all > 0.0 ? 1.0 - rest / all : no_number;
}

/// The points of one cluster, by their places.
struct PointCluster {
  std::vector<std::size_t> at;
};

/// w = (I - H_gg)^(-1/2) c, c the slope's weights of the cluster's points, H = Q Q' with the orthonormal columns
/// 1 / sqrt(n) and (x - mean) / sqrt(sum of squares) in Q. With Q'Q = sum_j l_j v_j v_j',
/// (I - Q Q')^(-1/2) = I + sum_j ((1 - l_j)^(-1/2) - 1) / l_j (Q v_j)(Q v_j)'; where a cluster alone decides a
/// direction (l_j = 1) the inverse is a pseudo-inverse.
std::vector<double> adjusted_weights(const PointCluster& cluster, const std::vector<double>& centred, double squares,
                                     double points) {
  const double first = 1.0 / std::sqrt(points);
  const double scale = 1.0 / std::sqrt(squares);
  double a = 0.0;
  double b = 0.0;
  double d = 0.0;
  for (const auto at : cluster.at) {
    const double second = centred[at] * scale;
    a += first * first;
    b += first * second;
    d += second * second;
  }
  const auto eigen = eigen2(a, b, d);
  std::vector<double> weights;
  for (const auto at : cluster.at) weights.push_back(centred[at] / squares);
  auto adjusted = weights;
  for (std::size_t j = 0; j < 2; ++j) {
    const double l = eigen.value[j];
    if (l < 1e-12) continue;
    const double left = 1.0 - l;
    const double factor = ((left > 1e-9 ? 1.0 / std::sqrt(left) : 0.0) - 1.0) / l;
    std::vector<double> direction;
    double product = 0.0;
    for (std::size_t i = 0; i < cluster.at.size(); ++i) {
      direction.push_back(first * eigen.vector[j][0] + centred[cluster.at[i]] * scale * eigen.vector[j][1]);
      product += direction[i] * weights[i];
    }
    for (std::size_t i = 0; i < direction.size(); ++i) adjusted[i] += factor * product * direction[i];
  }
  return adjusted;
}

}  // namespace

LineFit clustered_line(std::span<const double> x, std::span<const double> y, std::span<const std::uint64_t> cluster) {
  require(x.size() == y.size() && x.size() == cluster.size(), Fault::data, "a line: lengths differ");
  const auto n = x.size();
  const double points = static_cast<double>(n);
  require(n >= 3, Fault::data, [&] { return "a line: found " + std::to_string(n) + " points, expected at least 3"; });
  const double centre = mean_of(x);
  const double squares = squares_around(x, centre);
  require(squares > 0.0, Fault::data, "a line: all x are equal");
  LineFit fit;
  fit.points = static_cast<std::int64_t>(n);
  const double level = mean_of(y);
  std::vector<double> centred;
  for (const auto value : x) centred.push_back(value - centre);
  for (std::size_t i = 0; i < n; ++i) fit.slope += centred[i] * (y[i] - level) / squares;
  fit.intercept = level - fit.slope * centre;
  std::vector<double> left;
  for (std::size_t i = 0; i < n; ++i) left.push_back(y[i] - level - fit.slope * centred[i]);
  fit.r_squared = explained(y, left);
  fit.slope_interval = {no_number, no_number};
  std::map<std::uint64_t, PointCluster> clusters;
  for (std::size_t i = 0; i < n; ++i) clusters[cluster[i]].at.push_back(i);
  fit.clusters = static_cast<std::int64_t>(clusters.size());
  if (clusters.size() < 3) {
    fit.slope_stderror = no_number;
    return fit;
  }
  double variance = 0.0;
  std::vector<std::vector<double>> influence;  // of each cluster: p_g = (I - H)' w_g, over all points
  for (const auto& [name, one] : clusters) {
    const auto weights = adjusted_weights(one, centred, squares, points);
    double sum = 0.0;
    double total = 0.0;
    double moment = 0.0;
    for (std::size_t i = 0; i < one.at.size(); ++i) {
      sum += weights[i] * left[one.at[i]];
      total += weights[i];
      moment += weights[i] * centred[one.at[i]];
    }
    variance += sum * sum;
    auto& own = influence.emplace_back(n, 0.0);
    for (std::size_t i = 0; i < n; ++i) own[i] = -total / points - centred[i] * moment / squares;
    for (std::size_t i = 0; i < one.at.size(); ++i) own[one.at[i]] += weights[i];
  }
  double trace = 0.0;
  double norm = 0.0;
  for (std::size_t g = 0; g < influence.size(); ++g) {
    for (std::size_t h = 0; h < influence.size(); ++h) {
      double product = 0.0;
      for (std::size_t i = 0; i < n; ++i) product += influence[g][i] * influence[h][i];
      if (g == h) trace += product;
      norm += product * product;
    }
  }
  fit.slope_stderror = std::sqrt(variance);
  fit.degrees = norm > 0.0 ? trace * trace / norm : 0.0;
  if (fit.degrees <= 0.0) return fit;
  fit.slope_interval = interval_around(fit.slope, fit.slope_stderror, fit.degrees);
  if (fit.slope_stderror > 0.0) {
    fit.p_value = 2.0 * student_t_cdf(-std::fabs(fit.slope) / fit.slope_stderror, fit.degrees);
  }
  return fit;
}

ParabolaFit parabola(std::span<const double> x, std::span<const double> y) {
  require(x.size() == y.size() && x.size() >= 4 && std::set<double>(x.begin(), x.end()).size() >= 3, Fault::data,
          "a parabola: expected at least four points of three different x");
  const double centre = mean_of(x);
  const double spread = std::sqrt(squares_around(x, centre) / static_cast<double>(x.size()));
  // Gram-Schmidt on 1, z, z^2 with z = (x - centre) / spread.
  const auto n = x.size();
  std::vector<double> z;
  for (const auto value : x) z.push_back((value - centre) / spread);
  double third = 0.0;
  for (const auto value : z) third += value * value * value / static_cast<double>(n);
  double slope = 0.0;
  double curve = 0.0;
  double curve_squares = 0.0;
  const double level = mean_of(y);
  for (std::size_t i = 0; i < n; ++i) {
    const double bend = z[i] * z[i] - 1.0 - third * z[i];
    slope += z[i] * (y[i] - level) / static_cast<double>(n);
    curve += bend * (y[i] - level);
    curve_squares += bend * bend;
  }
  curve /= curve_squares;
  std::vector<double> left;
  for (std::size_t i = 0; i < n; ++i) {
    left.push_back(y[i] - level - slope * z[i] - curve * (z[i] * z[i] - 1.0 - third * z[i]));
  }
  ParabolaFit fit;
  fit.r_squared = explained(y, left);
  fit.c2 = curve / (spread * spread);
  const double linear = slope - curve * third;
  fit.c1 = linear / spread - 2.0 * fit.c2 * centre;
  fit.c0 = level - curve - linear * centre / spread + fit.c2 * centre * centre;
  return fit;
}

}  // namespace touchstone
