#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "harness/measure/statistics.hpp"

namespace touchstone {

/// Ranks from 1; equal values share the mean of theirs.
std::vector<double> mid_ranks(std::span<const double> values);

/// Friedman's test (JASA 32 (1937), 675) of the hypothesis that the arms differ in nothing: within each block (a seed)
/// every order of them is equally likely.
struct Friedman {
  double statistic = 0.0;  ///< corrected for ties, as chi-square with k - 1 degrees
  double p_value = 1.0;
  bool exact = false;              ///< by all orders within blocks (up to 30 cells of 6 arms), else by chi-square
  std::vector<double> mean_ranks;  ///< of each arm over the blocks; 1 is the lowest value
};
/// `blocks[b][k]`: the value of arm k in block b. Throws Fault::data for fewer than two arms or blocks of other sizes.
Friedman friedman(const std::vector<std::vector<double>>& blocks);
/// The smallest p that so many blocks of so many arms can give.
double least_friedman_p(std::size_t blocks, std::size_t arms);

/// The test of Mann and Whitney (Ann. Math. Stat. 18 (1947), 50) of two independent samples, with the shift of Hodges
/// and Lehmann (Ann. Math. Stat. 34 (1963), 598) that belongs to it.
struct MannWhitney {
  double u = 0.0;        ///< pairs of which the first is larger; a tie counts half
  double p_value = 1.0;  ///< two-sided
  bool exact = false;    ///< by the distribution of U without ties, for samples up to 2500 pairs; else normal
  double shift = 0.0;    ///< median of all differences first - second
  Interval interval;     ///< of the shift; infinite where so few values can show nothing
};
/// Throws Fault::data for an empty sample.
MannWhitney mann_whitney(std::span<const double> first, std::span<const double> second, double alpha = 0.05);
/// One-sided p of a shift of `bound` or less, of the same test: ties with the bound count against a larger shift, so
/// that it is below alpha / 2 exactly where the interval lies above `bound`. `with_bound`: of a shift of less than
/// `bound`, with which a tie does not agree.
double p_shift_above(std::span<const double> first, std::span<const double> second, double bound,
                     bool with_bound = false);
/// The smallest two-sided p that samples of these sizes can give.
double least_mann_whitney_p(std::size_t first, std::size_t second);

}  // namespace touchstone
