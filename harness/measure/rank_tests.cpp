#include "harness/measure/rank_tests.hpp"

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "harness/base/error.hpp"

namespace touchstone {
namespace {

constexpr std::size_t most_exact_cells = 30;
constexpr std::size_t most_exact_arms = 6;
constexpr std::size_t most_exact_pairs = 2500;

/// Twice the mid-ranks, which are whole.
std::vector<int> doubled_ranks(std::span<const double> values) {
  std::vector<int> doubled;
  for (const double rank : mid_ranks(values)) doubled.push_back(static_cast<int>(std::lround(2.0 * rank)));
  return doubled;
}

double sum_of_squares(const std::vector<int>& sums) {
  double squares = 0.0;
  for (const int sum : sums) squares += static_cast<double>(sum) * sum;
  return squares;
}

/// Probability, when each block's ranks fall on the arms in any order, that the rank sums spread as much as `observed`.
/// What the sums are is enough to know without their order, because every order of the next block is equally likely.
double exact_friedman(const std::vector<std::vector<int>>& blocks, double observed) {
  std::map<std::vector<int>, double> shares{{std::vector<int>(blocks.front().size(), 0), 1.0}};
  for (auto block : blocks) {
    std::map<std::vector<int>, double> next;
    std::sort(block.begin(), block.end());
    std::vector<std::vector<int>> orders;
    do {
      orders.push_back(block);
    } while (std::next_permutation(block.begin(), block.end()));
    for (const auto& [sums, share] : shares) {
      for (const auto& order : orders) {
        auto added = sums;
        for (std::size_t at = 0; at < added.size(); ++at) added[at] += order[at];
        std::sort(added.begin(), added.end());
        next[added] += share / static_cast<double>(orders.size());
      }
    }
    shares = std::move(next);
  }
  double p = 0.0;
  for (const auto& [sums, share] : shares) {
    if (sum_of_squares(sums) >= observed) p += share;
  }
  return std::min(1.0, p);
}

/// Of U from 0 to m n, the number of orders of m + n different values that give it, as shares. Their generating
/// function is the product of (1 - q^(n + i)) / (1 - q^i), i = 1 .. m (Mann and Whitney 1947).
std::vector<double> shares_of_u(std::size_t m, std::size_t n) {
  std::vector<double> shares(m * n + 1, 0.0);
  shares[0] = 1.0;
  for (std::size_t i = 1; i <= m; ++i) {
    for (std::size_t at = shares.size(); at-- > n + i;) shares[at] -= shares[at - n - i];
    for (std::size_t at = i; at < shares.size(); ++at) shares[at] += shares[at - i];
    // The counts grow fast; as shares of all orders they stay between 0 and 1.
    const double all = static_cast<double>(n + i) / static_cast<double>(i);
    for (auto& share : shares) share /= all;
  }
  return shares;
}

/// P(U <= u) without ties.
class UDistribution {
 public:
  UDistribution(std::size_t m, std::size_t n) : pairs_(static_cast<double>(m * n)) {
    exact_ = m * n <= most_exact_pairs;
    if (exact_) {
      cumulative_ = shares_of_u(m, n);
      std::partial_sum(cumulative_.begin(), cumulative_.end(), cumulative_.begin());
    } else {
      deviation_ = std::sqrt(pairs_ * static_cast<double>(m + n + 1) / 12.0);
    }
  }
  bool exact() const { return exact_; }
  double below(double u) const {
    if (u < 0.0) return 0.0;
    if (!exact_) return normal_cdf((u + 0.5 - pairs_ / 2.0) / deviation_);
    return std::min(1.0, cumulative_[std::min(cumulative_.size() - 1, static_cast<std::size_t>(u))]);
  }

 private:
  double pairs_;
  bool exact_ = true;
  std::vector<double> cumulative_;
  double deviation_ = 1.0;
};

std::vector<double> differences_of(std::span<const double> first, std::span<const double> second) {
  std::vector<double> all;
  for (const double one : first) {
    for (const double two : second) all.push_back(one - two);
  }
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

std::vector<double> mid_ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto one, auto two) { return values[one] < values[two]; });
  std::vector<double> ranks(values.size());
  for (std::size_t at = 0; at < order.size();) {
    auto end = at;
    while (end < order.size() && values[order[end]] == values[order[at]]) ++end;
    for (auto same = at; same < end; ++same) ranks[order[same]] = 0.5 * static_cast<double>(at + end + 1);
    at = end;
  }
  return ranks;
}

Friedman friedman(const std::vector<std::vector<double>>& blocks) {
  require(!blocks.empty() && blocks.front().size() > 1, Fault::data, "Friedman's test needs two arms in a block");
  const auto arms = blocks.front().size();
  std::vector<std::vector<int>> ranks;
  std::vector<int> sums(arms, 0);
  double ties = 0.0;
  for (const auto& block : blocks) {
    require(block.size() == arms, Fault::data, "Friedman's test: a block lacks an arm");
    ranks.push_back(doubled_ranks(block));
    for (std::size_t at = 0; at < arms; ++at) sums[at] += ranks.back()[at];
    std::map<double, double> equal;
    for (const double value : block) equal[value] += 1.0;
    for (const auto& [value, count] : equal) ties += count * (count * count - 1.0);
  }
  const auto k = static_cast<double>(arms);
  const auto n = static_cast<double>(blocks.size());
  Friedman out;
  for (const int sum : sums) out.mean_ranks.push_back(sum / 2.0 / n);
  const double correction = 1.0 - ties / (n * k * (k * k - 1.0));
  if (correction <= 0.0) return out;  // every block is one value
  const double squares = sum_of_squares(sums);
  out.statistic = (12.0 / (n * k * (k + 1.0)) * squares / 4.0 - 3.0 * n * (k + 1.0)) / correction;
  out.exact = arms <= most_exact_arms && arms * blocks.size() <= most_exact_cells;
  out.p_value = out.exact ? exact_friedman(ranks, squares)
                          : boost::math::cdf(boost::math::complement(boost::math::chi_squared(k - 1.0), out.statistic));
  return out;
}

double least_friedman_p(std::size_t blocks, std::size_t arms) {
  std::vector<double> block(arms);
  std::iota(block.begin(), block.end(), 1.0);
  return friedman(std::vector<std::vector<double>>(blocks, block)).p_value;
}

MannWhitney mann_whitney(std::span<const double> first, std::span<const double> second, double alpha) {
  require(!first.empty() && !second.empty(), Fault::data, "the test of Mann and Whitney needs two samples");
  const auto differences = differences_of(first, second);
  const auto pairs = differences.size();
  MannWhitney out;
  for (const double difference : differences) out.u += difference > 0.0 ? 1.0 : difference == 0.0 ? 0.5 : 0.0;
  out.shift = 0.5 * (differences[(pairs - 1) / 2] + differences[pairs / 2]);
  const UDistribution distribution(first.size(), second.size());
  out.exact = distribution.exact();
  // A half is rounded towards no difference.
  const double smaller = std::ceil(std::min(out.u, static_cast<double>(pairs) - out.u));
  out.p_value = std::min(1.0, 2.0 * distribution.below(smaller));
  std::size_t k = 0;  // the k-th smallest and largest difference bound the shift
  while (2 * (k + 1) <= pairs && distribution.below(static_cast<double>(k)) <= alpha / 2.0) ++k;
  out.interval = {-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  if (k > 0) out.interval = {differences[k - 1], differences[pairs - k]};
  return out;
}

double p_shift_above(std::span<const double> first, std::span<const double> second, double bound, bool with_bound) {
  const auto differences = differences_of(first, second);
  const auto end = with_bound ? std::lower_bound(differences.begin(), differences.end(), bound)
                              : std::upper_bound(differences.begin(), differences.end(), bound);
  return UDistribution(first.size(), second.size()).below(static_cast<double>(end - differences.begin()));
}

double least_mann_whitney_p(std::size_t first, std::size_t second) {
  return std::min(1.0, 2.0 * UDistribution(first, second).below(0.0));
}

}  // namespace touchstone
