#include "harness/measure/item_mean.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "harness/base/error.hpp"

namespace touchstone {
namespace {

/// The units of one stratum, as slices of the items in the order of their units.
struct Stratum {
  struct Unit {
    std::uint64_t name = 0;
    double count = 0.0;
    double sum = 0.0;
  };
  std::vector<Unit> units;
  double count = 0.0;
  double sum = 0.0;
};

std::vector<Stratum> strata_of(std::span<const double> values, const ItemUnits& units) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto place = [&](std::size_t at) -> std::pair<std::uint32_t, std::uint64_t> {
    return {units.stratum.empty() ? 0U : units.stratum[at], units.unit.empty() ? at : units.unit[at]};
  };
  std::stable_sort(order.begin(), order.end(), [&](auto one, auto two) { return place(one) < place(two); });
  std::vector<Stratum> strata;
  for (std::size_t at = 0; at < order.size(); ++at) {
    const auto [stratum, unit] = place(order[at]);
    const bool opens = at == 0 || place(order[at - 1]).first != stratum;
    if (opens) strata.emplace_back();
    auto& own = strata.back();
    if (opens || own.units.back().name != unit) own.units.push_back({.name = unit});
    own.units.back().count += 1.0;
    own.units.back().sum += values[order[at]];
    own.count += 1.0;
    own.sum += values[order[at]];
  }
  return strata;
}

/// Strata of a single unit become one; a lone one joins the first of the others.
void join_single(std::vector<Stratum>& strata) {
  std::vector<Stratum> several;
  Stratum joined;
  for (auto& stratum : strata) {
    if (stratum.units.size() > 1) {
      several.push_back(std::move(stratum));
      continue;
    }
    joined.units.push_back(stratum.units.front());
    joined.count += stratum.count;
    joined.sum += stratum.sum;
  }
  if (joined.units.size() == 1 && !several.empty()) {
    auto& first = several.front();
    first.units.push_back(joined.units.front());
    first.count += joined.count;
    first.sum += joined.sum;
  } else if (!joined.units.empty()) {
    several.push_back(std::move(joined));
  }
  strata = std::move(several);
}

/// Bell and McCaffrey's degrees of a stratum's mean, for units that hold these shares of its items.
double degrees_of(const Stratum& stratum) {
  double squares = 0.0;
  double sum = 0.0;
  double sum_of_squares = 0.0;
  for (const auto& unit : stratum.units) {
    const double share = unit.count / stratum.count;
    const double part = share * share / (1.0 - share);
    squares += share * share;
    sum += part;
    sum_of_squares += part * part;
  }
  return 1.0 / (squares + sum * sum - sum_of_squares);
}

/// Joins parts of equal units. Units of several strata may share a name only if they are the same items.
void sort_units(std::vector<UnitPart>& parts) {
  std::sort(parts.begin(), parts.end(), [](const auto& one, const auto& two) { return one.unit < two.unit; });
  std::size_t kept = 0;
  for (std::size_t at = 0; at < parts.size(); ++at) {
    if (kept > 0 && parts[kept - 1].unit == parts[at].unit) {
      parts[kept - 1].part += parts[at].part;
    } else {
      parts[kept++] = parts[at];
    }
  }
  parts.resize(kept);
}

}  // namespace

double item_variance(const ItemMean& mean) { return item_covariance(mean, mean); }

double item_covariance(const ItemMean& one, const ItemMean& two) {
  double sum = 0.0;
  auto other = two.units.begin();
  for (const auto& [unit, part] : one.units) {
    while (other != two.units.end() && other->unit < unit) ++other;
    if (other == two.units.end()) break;
    if (other->unit == unit) sum += part * other->part;
  }
  return sum;
}

ItemMean weighted_sum(std::span<const ItemMean* const> means, std::span<const double> weights) {
  ItemMean out;
  double squares = 0.0;
  double fourths = 0.0;
  for (std::size_t at = 0; at < means.size(); ++at) {
    const auto& mean = *means[at];
    out.value += weights[at] * mean.value;
    for (const auto& [unit, part] : mean.units) out.units.push_back({unit, weights[at] * part});
    const double variance = weights[at] * weights[at] * item_variance(mean);
    squares += variance;
    if (mean.degrees > 0.0) fourths += variance * variance / mean.degrees;
  }
  sort_units(out.units);
  out.degrees = fourths > 0.0 ? squares * squares / fourths : 0.0;
  return out;
}

ItemMean item_mean(std::span<const double> values, const ItemUnits& units, double least_variance) {
  require((units.unit.empty() || units.unit.size() == values.size()) &&
              (units.stratum.empty() || units.stratum.size() == values.size()),
          Fault::data, [&] {
            return "a mean over items: " + std::to_string(values.size()) + " values, " +
                   std::to_string(units.unit.size()) + " units";
          });
  ItemMean out;
  const auto n = static_cast<double>(values.size());
  auto strata = strata_of(values, units);
  for (const auto& stratum : strata) out.value += stratum.sum / n;
  join_single(strata);
  // A single unit in all tells nothing of units: its items are taken as independent.
  if (strata.size() == 1 && strata.front().units.size() == 1 && values.size() > 1) {
    return item_mean(values, {}, least_variance);
  }
  double weights = 0.0;
  double squares = 0.0;
  for (const auto& stratum : strata) {
    const double mean = stratum.sum / stratum.count;
    for (const auto& unit : stratum.units) {
      const double left = 1.0 - unit.count / stratum.count;
      if (left > 0.0) out.units.push_back({unit.name, (unit.sum - unit.count * mean) / (n * std::sqrt(left))});
    }
    if (stratum.units.size() < 2) continue;
    weights += stratum.count;
    squares += stratum.count * stratum.count / degrees_of(stratum);
  }
  out.degrees = squares > 0.0 ? weights * weights / squares : 0.0;
  sort_units(out.units);
  if (item_variance(out) <= 0.0 && !out.units.empty()) {
    const double part = std::sqrt(least_variance / static_cast<double>(out.units.size()));
    for (auto& unit : out.units) unit.part = part;
  }
  return out;
}

}  // namespace touchstone
