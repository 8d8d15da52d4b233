#include "harness/measure/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "harness/base/error.hpp"
#include "harness/measure/statistics.hpp"

namespace touchstone {
namespace {

using Items = std::span<const CalibrationItem>;

constexpr double smallest_probability = 1e-15;

int bin_of(double confidence, int bins) { return std::min(static_cast<int>(confidence * bins), bins - 1); }

bool has_choices(const CalibrationItem& item) {
  return item.gold >= 0 && static_cast<std::size_t>(item.gold) < item.choice_probability.size();
}

double brier_of(const CalibrationItem& item) {
  if (!has_choices(item)) {
    const double gap = item.confidence - (item.correct ? 1.0 : 0.0);
    return gap * gap;
  }
  double sum = 0.0;
  for (std::size_t k = 0; k < item.choice_probability.size(); ++k) {
    const double gap = item.choice_probability[k] - (static_cast<int>(k) == item.gold ? 1.0 : 0.0);
    sum += gap * gap;
  }
  return sum;
}

double nll_of(const CalibrationItem& item) {
  double p = item.correct ? item.confidence : 1.0 - item.confidence;
  if (has_choices(item)) p = item.choice_probability[static_cast<std::size_t>(item.gold)];
  return -std::log(std::max(p, smallest_probability));
}

std::vector<ReliabilityBin> equal_width(Items items, int bins) {
  std::vector<ReliabilityBin> found(static_cast<std::size_t>(bins));
  for (const auto& item : items) {
    auto& bin = found[static_cast<std::size_t>(bin_of(item.confidence, bins))];
    ++bin.items;
    bin.confidence += item.confidence;
    bin.accuracy += item.correct ? 1.0 : 0.0;
  }
  for (std::size_t at = 0; at < found.size(); ++at) {
    auto& bin = found[at];
    bin.low = static_cast<double>(at) / bins;
    bin.high = static_cast<double>(at + 1) / bins;
    if (bin.items == 0) continue;
    bin.confidence /= static_cast<double>(bin.items);
    bin.accuracy /= static_cast<double>(bin.items);
  }
  return found;
}

double gap_of(const ReliabilityBin& bin) { return std::abs(bin.confidence - bin.accuracy); }

/// `order` lists the items by rising confidence.
double equal_mass_error(Items items, std::span<const std::size_t> order, int bins) {
  const auto all = order.size();
  const auto groups = static_cast<std::size_t>(bins);
  double error = 0.0;
  std::size_t first = 0;
  for (std::size_t group = 0; group < groups; ++group) {
    const auto size = all / groups + (group < all % groups ? 1 : 0);
    double gap = 0.0;
    for (const auto at : order.subspan(first, size)) gap += items[at].confidence - (items[at].correct ? 1.0 : 0.0);
    error += std::abs(gap) / static_cast<double>(all);
    first += size;
  }
  return error;
}

/// Groups of items with equal confidence, the most confident first.
struct Tie {
  double items = 0.0;
  double right = 0.0;
};

std::vector<Tie> ties_from_top(Items items, std::span<const std::size_t> order) {
  std::vector<Tie> ties;
  double last = -1.0;
  for (auto at = order.rbegin(); at != order.rend(); ++at) {
    const auto& item = items[*at];
    if (ties.empty() || item.confidence != last) ties.emplace_back();
    last = item.confidence;
    ties.back().items += 1.0;
    ties.back().right += item.correct ? 1.0 : 0.0;
  }
  return ties;
}

/// Area under the receiver operating characteristic: the share of (right, wrong) pairs in which the right item is the
/// more confident one, ties counting half.
double auroc_of(std::span<const Tie> ties) {
  double right_above = 0.0;
  double wrong = 0.0;
  double pairs = 0.0;
  for (const auto& tie : ties) {
    const double tie_wrong = tie.items - tie.right;
    pairs += tie_wrong * (right_above + 0.5 * tie.right);
    right_above += tie.right;
    wrong += tie_wrong;
  }
  const double all = right_above * wrong;
  return all > 0.0 ? pairs / all : std::numeric_limits<double>::quiet_NaN();
}

double selective_accuracy(std::span<const Tie> ties, double wanted) {
  double taken = 0.0;
  double right = 0.0;
  for (const auto& tie : ties) {
    const double share = std::min(1.0, (wanted - taken) / tie.items);
    if (share <= 0.0) break;
    taken += share * tie.items;
    right += share * tie.right;
  }
  return right / taken;
}

double risk_coverage_area(std::span<const Tie> ties) {
  double above = 0.0;
  double wrong_above = 0.0;
  double sum = 0.0;
  for (const auto& tie : ties) {
    const double wrong = tie.items - tie.right;
    for (double k = 1.0; k <= tie.items; k += 1.0) sum += (wrong_above + wrong * k / tie.items) / (above + k);
    above += tie.items;
    wrong_above += wrong;
  }
  return sum / above;
}

double signed_gap(const CalibrationItem& item) { return item.confidence - (item.correct ? 1.0 : 0.0); }

/// Values, one an item, whose mean is the debiased squared calibration error and whose spread is its error.
///
/// In a bin of m items with d = confidence - right, the mean product of two different items is U = D^2 - s^2 / m, for
/// the mean D and sample variance s^2 of d. Its variance is 4 mu^2 s^2 / m + 2 s^4 / m^2, and E[D^2 - s^2 / (2 m)] is
/// mu^2 + s^2 / (2 m): values U + 2 sqrt(D^2 - s^2 / (2 m)) (d - D) have both.
std::vector<double> squared_error_values(Items items) {
  constexpr std::size_t most_bins = 10;
  constexpr std::size_t least_items = 10;  // of a bin
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return items[a].confidence < items[b].confidence; });
  const auto bins = std::clamp(items.size() / least_items, std::size_t{1}, most_bins);
  std::vector<double> values(items.size(), 0.0);
  std::size_t first = 0;
  for (std::size_t bin = 0; bin < bins; ++bin) {
    const auto size = items.size() / bins + (bin < items.size() % bins ? 1 : 0);
    const auto members = std::span(order).subspan(first, size);
    first += size;
    if (size < 2) continue;  // one item in all: nothing can be said
    std::vector<double> gaps;
    for (const auto at : members) gaps.push_back(signed_gap(items[at]));
    const auto gap = mean_error(gaps);
    const double noise = gap.stderror * gap.stderror;
    const double square = gap.mean * gap.mean - noise;
    const double slope = std::copysign(std::sqrt(std::max(0.0, gap.mean * gap.mean - noise / 2.0)), gap.mean);
    for (std::size_t at = 0; at < size; ++at) values[members[at]] = square + 2.0 * slope * (gaps[at] - gap.mean);
  }
  return values;
}

double error_of(std::span<const ReliabilityBin> bins) {
  double items = 0.0;
  double sum = 0.0;
  for (const auto& bin : bins) {
    items += static_cast<double>(bin.items);
    sum += static_cast<double>(bin.items) * gap_of(bin);
  }
  return sum / items;
}

}  // namespace

Calibration calibration(Items items, int bins) {
  Calibration found;
  found.items = static_cast<std::int64_t>(items.size());
  if (items.empty()) return found;
  const auto n = static_cast<double>(items.size());
  for (const auto& item : items) {
    require(item.confidence >= 0.0 && item.confidence <= 1.0, Fault::data, [&] {
      return "calibration: found the confidence " + std::to_string(item.confidence) + ", expected a number from 0 to 1";
    });
    found.brier += brier_of(item) / n;
    found.nll += nll_of(item) / n;
    found.confidence += item.confidence / n;
    found.accuracy += (item.correct ? 1.0 : 0.0) / n;
  }
  found.bins = equal_width(items, bins);
  for (const auto& bin : found.bins) {
    found.ece += static_cast<double>(bin.items) / n * gap_of(bin);
    found.mce = std::max(found.mce, gap_of(bin));
  }
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return items[a].confidence < items[b].confidence; });
  found.ece_equal_mass = equal_mass_error(items, order, bins);
  const auto ties = ties_from_top(items, order);
  found.auroc = auroc_of(ties);
  found.selective_accuracy_10 = selective_accuracy(ties, std::ceil(n / 10.0));
  found.risk_coverage_area = risk_coverage_area(ties);
  return found;
}

CalibrationChange calibration_change(Items before, Items after, const ItemUnits& units, int bins) {
  require(before.size() == after.size(), Fault::data, [&] {
    return "calibration: " + std::to_string(before.size()) + " items before, " + std::to_string(after.size()) +
           " after";
  });
  CalibrationChange found;
  found.items = static_cast<std::int64_t>(before.size());
  if (before.empty()) return found;
  std::vector<double> gaps;
  std::vector<double> briers;
  auto squares = squared_error_values(after);
  const auto squares_before = squared_error_values(before);
  for (std::size_t at = 0; at < before.size(); ++at) {
    gaps.push_back(signed_gap(after[at]) - signed_gap(before[at]));
    briers.push_back(brier_of(after[at]) - brier_of(before[at]));
    squares[at] -= squares_before[at];
  }
  found.gap = item_mean(gaps, units);
  found.brier = item_mean(briers, units);
  found.squared_error = item_mean(squares, units);
  found.ece = error_of(equal_width(after, bins)) - error_of(equal_width(before, bins));
  return found;
}

double fit_temperature(std::span<const std::vector<double>> choice_logp, std::span<const int> gold) {
  require(choice_logp.size() == gold.size() && !gold.empty(), Fault::data, [&] {
    return "temperature: " + std::to_string(choice_logp.size()) + " items, " + std::to_string(gold.size()) + " answers";
  });
  // The likelihood is concave in b = 1/T; its slope is sum_i (E_b[logp] - logp[gold]), and the optimum is where that
  // slope is 0.
  const auto slope = [&](double b) {
    double sum = 0.0;
    for (std::size_t item = 0; item < gold.size(); ++item) {
      const auto& logp = choice_logp[item];
      const double top = *std::max_element(logp.begin(), logp.end());
      const auto held = [&](double value) { return std::max(value - top, -1e4); };  // avoids 0 * infinity
      double weights = 0.0;
      double mean = 0.0;
      for (const double value : logp) {
        const double weight = std::exp(b * held(value));
        weights += weight;
        mean += weight * held(value);
      }
      sum += mean / weights - held(logp.at(static_cast<std::size_t>(gold[item])));
    }
    return sum;
  };
  double low = std::log(1e-3);
  double high = std::log(1e3);
  for (int step = 0; step < 100; ++step) {
    const double middle = 0.5 * (low + high);
    (slope(std::exp(middle)) < 0.0 ? low : high) = middle;
  }
  return std::exp(-0.5 * (low + high));
}

}  // namespace touchstone
