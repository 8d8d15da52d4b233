#pragma once
#include <cstdint>
#include <span>

#include "harness/measure/statistics.hpp"

namespace touchstone {

/// A straight line through points that come in clusters: y = intercept + slope x.
struct LineFit {
  double intercept = 0.0;
  double slope = 0.0;
  double r_squared = 0.0;       ///< nan where all y are equal
  double slope_stderror = 0.0;  ///< CR2: for points of one cluster that are wrong together
  double degrees = 0.0;         ///< Bell and McCaffrey's; 0: too few clusters for an error
  Interval slope_interval;      ///< 95 %; nan without an error
  double p_value = 1.0;         ///< two-sided, of a slope of 0
  std::int64_t points = 0;
  std::int64_t clusters = 0;
};

/// Least squares, with the bias-reduced cluster-robust error CR2 and its degrees (Bell and McCaffrey, Survey
/// Methodology 28 (2002), 169; Pustejovsky and Tipton, JBES 36 (2018), 672, section 2, for independent errors as the
/// working model). item_mean() is the same for a line without a slope. Fewer than three clusters give no error. Throws
/// Fault::data when lengths differ, when there are fewer than three points, or when all x are equal.
LineFit clustered_line(std::span<const double> x, std::span<const double> y, std::span<const std::uint64_t> cluster);

/// y = c0 + c1 x + c2 x^2 by least squares.
struct ParabolaFit {
  double c0 = 0.0;
  double c1 = 0.0;
  double c2 = 0.0;
  double r_squared = 0.0;  ///< nan where all y are equal
};
/// Throws Fault::data for fewer than four points or fewer than three different x.
ParabolaFit parabola(std::span<const double> x, std::span<const double> y);

}  // namespace touchstone
