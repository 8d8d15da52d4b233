#include "harness/measure/seed_mean.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "harness/base/error.hpp"

namespace touchstone {
SeedSpread seed_spread(const SeedValues& seeds) { return seed_spread(std::span(&seeds, 1)); }

SeedSpread seed_spread(std::span<const SeedValues> groups) {
  SeedSpread spread;
  spread.weight = 0.0;
  spread.groups = static_cast<double>(groups.size());
  std::vector<const ItemMean*> parts;
  std::vector<double> weights;
  for (const auto& seeds : groups) {
    const auto count = static_cast<double>(seeds.size());
    const double weight = 1.0 / (count * static_cast<double>(groups.size()));
    double variances = 0.0;
    std::vector<const ItemMean*> own;
    std::vector<double> values;
    for (const auto& seed : seeds) {
      own.push_back(&seed);
      values.push_back(seed.value);
      variances += item_variance(seed);
      // Seeds that share items have no more degrees together than one of them.
      if (seed.degrees <= 0.0) continue;
      spread.item_degrees = spread.item_degrees > 0.0 ? std::min(spread.item_degrees, seed.degrees) : seed.degrees;
    }
    parts.insert(parts.end(), own.begin(), own.end());
    weights.insert(weights.end(), seeds.size(), weight);
    spread.weight += weight * weight * count;
    if (seeds.size() < 2) continue;
    const auto sum = weighted_sum(own, std::vector<double>(seeds.size(), 1.0));
    // The variance of the sum is the sum of variances and covariances.
    const double covariances = item_variance(sum) - variances;
    const double error = mean_error(values).stderror;
    spread.between += (count - 1.0) * error * error * count;
    spread.own_items += (count - 1.0) * variances / count - covariances / count;
    spread.degrees += count - 1.0;
  }
  const auto mean = weighted_sum(parts, weights);
  spread.mean = mean.value;
  spread.items = item_variance(mean);
  if (spread.degrees > 0.0) {
    spread.between /= spread.degrees;
    spread.own_items /= spread.degrees;
  }
  return spread;
}

SeedVariance pooled_variance(std::span<const SeedSpread> comparisons) {
  SeedVariance out;
  for (const auto& spread : comparisons) {
    out.between += spread.degrees * spread.between;
    out.own_items += spread.degrees * spread.own_items;
    out.degrees += spread.degrees;
  }
  if (out.degrees > 0.0) {
    out.between /= out.degrees;
    out.own_items /= out.degrees;
  }
  return out;
}

SeedVariance variance_of_arms(std::span<const ArmSeeds> arms) {
  require(arms.size() > 1, Fault::internal, [&] {
    return "the variance of arms that are compared: found " + std::to_string(arms.size()) + ", expected two or more";
  });
  const auto count = static_cast<double>(arms.size());
  std::vector<ArmSeeds> distances(arms.begin(), arms.end());
  for (std::size_t group = 0; group < arms.front().size(); ++group) {
    for (std::size_t seed = 0; seed < arms.front()[group].size(); ++seed) {
      std::vector<const ItemMean*> cell;
      for (const auto& arm : arms) cell.push_back(&arm[group][seed]);
      const auto mean = weighted_sum(cell, std::vector<double>(cell.size(), 1.0 / count));
      for (std::size_t arm = 0; arm < cell.size(); ++arm) {
        const std::vector<const ItemMean*> both = {cell[arm], &mean};
        distances[arm][group][seed] = weighted_sum(both, std::vector<double>{1.0, -1.0});
      }
    }
  }
  std::vector<SeedSpread> spreads;
  for (const auto& arm : distances) spreads.push_back(seed_spread(arm));
  auto variance = pooled_variance(spreads);
  variance.between *= count / (count - 1.0);
  variance.own_items *= count / (count - 1.0);
  variance.degrees *= (count - 1.0) / count;
  return variance;
}

SeedMean over_seeds(const SeedSpread& spread, const SeedVariance& variance, double alpha) {
  SeedMean found;
  found.mean = spread.mean;
  found.between_sd = spread.degrees > 0.0 ? std::sqrt(spread.between) : std::numeric_limits<double>::quiet_NaN();
  found.item_stderror = std::sqrt(spread.items);
  found.seed_sd =
      variance.degrees > 0.0 ? std::sqrt(variance.beyond_items()) : std::numeric_limits<double>::quiet_NaN();
  const double seeds = spread.weight * variance.beyond_items();
  const double both = spread.items + seeds;
  found.stderror = std::sqrt(both);
  found.degrees = spread.item_degrees;
  if (seeds > 0.0) {
    // V is items - weight * own_items, and weight * between: two variances that are estimated apart.
    const double from_seeds = spread.weight * variance.between;
    const double rest = both - from_seeds;
    double fourths = from_seeds * from_seeds / variance.degrees;
    if (spread.item_degrees > 0.0) fourths += rest * rest / spread.item_degrees;
    // As a sum of two estimates V cannot have fewer degrees than either; where it is a difference, the formula may say
    // so.
    const double least = spread.item_degrees > 0.0 ? std::min(spread.item_degrees, variance.degrees) : variance.degrees;
    found.degrees = std::max(both * both / fourths, least);
  }
  found.interval = interval_around(found.mean, found.stderror, found.degrees, alpha);
  if (found.mean != 0.0) {
    found.p_value =
        found.stderror > 0.0 ? 2.0 * t_or_normal_cdf(-std::fabs(found.mean) / found.stderror, found.degrees) : 0.0;
  }
  return found;
}

void own_questions(SeedSpread& spread, double share) {
  if (spread.degrees == 0.0) spread.own_items = share * spread.items / spread.weight;
}

PlannedError planned_error(const SeedSpread& pilot, const SeedVariance& variance, double seeds, double items) {
  const double weight = pilot.weight / seeds;
  const double shared = std::max(0.0, pilot.items - pilot.weight * pilot.own_items) / items;
  const double own = weight * (pilot.own_items / items + variance.beyond_items());
  PlannedError error{.stderror = std::sqrt(shared + own), .degrees = 0.0};
  double fourths = 0.0;
  if (pilot.item_degrees > 0.0) fourths += shared * shared / (pilot.item_degrees * items);
  // Where seeds do not differ beyond their items, the error is of items alone, as over_seeds() has it.
  if (variance.degrees > 0.0 && variance.beyond_items() > 0.0) {
    // Twice the seeds are more than twice the degrees: what is pooled has one less than its seeds for each group of
    // each comparison.
    const double group_seeds = 1.0 / (pilot.weight * pilot.groups);
    const double pooled = group_seeds > 1.0 ? variance.degrees / (group_seeds - 1.0) : variance.degrees;
    fourths += own * own / (variance.degrees * seeds + pooled * (seeds - 1.0));
  }
  if (fourths > 0.0) error.degrees = (shared + own) * (shared + own) / fourths;
  return error;
}

}  // namespace touchstone
