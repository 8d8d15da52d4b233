#pragma once
#include <span>
#include <vector>

#include "harness/measure/item_mean.hpp"
#include "harness/measure/statistics.hpp"

namespace touchstone {

/// The values of one comparison's seeds, each with its items.
using SeedValues = std::vector<ItemMean>;

/// What the seeds of one comparison tell: a two-way layout, seeds by items, both random (Searle, Casella and McCulloch,
/// Variance Components (1992), chapter 4). Items may be the same for every seed, or others, or in part.
struct SeedSpread {
  double mean = 0.0;
  double degrees = 0.0;       ///< seeds - 1, summed over the groups; 0: one seed
  double between = 0.0;       ///< sample variance of the seeds' values; 0 for one seed
  double weight = 1.0;        ///< of the seeds' variance in that of the mean: 1 / seeds, summed over equal groups
  double groups = 1.0;        ///< how many there are
  double items = 0.0;         ///< variance of the mean from drawing items, for these seeds
  double item_degrees = 0.0;  ///< 0: normal
  /// What `between` holds from items alone: the mean variance of a seed's value less the mean covariance of two seeds'
  /// values. 0 for one seed, unless own_questions() says more.
  double own_items = 0.0;
};
SeedSpread seed_spread(const SeedValues& seeds);
/// Of the mean over several groups (training tasks), each with seeds of its own; items may be shared between groups.
SeedSpread seed_spread(std::span<const SeedValues> groups);

/// The variance between seeds, of one comparison or pooled over several.
struct SeedVariance {
  double between = 0.0;    ///< sample variance, weighted by degrees
  double own_items = 0.0;  ///< what it holds from items alone, equally weighted
  double degrees = 0.0;    ///< sum of seeds - 1; 0: no comparison has two seeds
  /// Beyond what items explain.
  double beyond_items() const { return between > own_items ? between - own_items : 0.0; }
};
/// Two or three seeds tell little of their variance; all comparisons of a plan together do. (Smyth, Stat. Appl. Genet.
/// Mol. Biol. 3 (2004), article 3, for why; here the prior is the plan's own mean.)
SeedVariance pooled_variance(std::span<const SeedSpread> comparisons);

/// The values of one arm, in groups (training tasks), each over its seeds.
using ArmSeeds = std::vector<SeedValues>;
/// The variance between seeds of one arm, from arms that are compared with each other. `arms` are differences from one
/// reference, which may be an arm itself (all its values are 0); they have the same groups and seeds in the same order.
/// Taken are the distances from the mean over the arms of the same cell, in which the reference and what a seed does to
/// every arm cancel. The differences themselves all hold the reference's cells: the sample variances of two of them are
/// correlated by 1/4, and pooled over J - 1 of them they tell less than their (J - 1)(S - 1) degrees. Of J arms such a
/// distance has (J - 1) / J of one arm's variance, and all of them have (J - 1)(S - 1) degrees a group. A weighted sum
/// of the arms varies by that variance times the sum of the squared weights: a difference of two by twice as much.
SeedVariance variance_of_arms(std::span<const ArmSeeds> arms);

/// A mean over seeds, with the error that new seeds and new items would give it.
struct SeedMean {
  double mean = 0.0;
  double between_sd = 0.0;     ///< sample standard deviation of this comparison's seeds; nan for one seed
  double item_stderror = 0.0;  ///< from items alone
  double seed_sd = 0.0;        ///< beyond items, pooled; nan where no comparison has two seeds
  double stderror = 0.0;       ///< both together
  double degrees = 0.0;        ///< Satterthwaite's; 0: normal
  Interval interval;           ///< 95 % unless another level was asked for
  double p_value = 1.0;        ///< two-sided, of the null hypothesis of no difference
};

/// V = items + weight * max(0, between - own_items): what items explain is counted once. It equals two-way clustering
/// (Cameron, Gelbach and Miller, JBES 29 (2011), 238) where the pooled variance is the comparison's own. The interval
/// misses the truth with probability `alpha`.
SeedMean over_seeds(const SeedSpread& spread, const SeedVariance& variance, double alpha = 0.05);

/// Tells the spread of single seeds which share of the items' variance comes from questions that each seed draws for
/// itself; of several seeds their items say it.
void own_questions(SeedSpread& spread, double share);

/// The error that the same comparison would have with other numbers of seeds and items.
struct PlannedError {
  double stderror = 0.0;
  double degrees = 0.0;  ///< of Student's t; 0: normal
};
/// `seeds` and `items` are what the numbers of the pilot are multiplied with. What one seed cannot tell, the variance
/// between seeds, is taken as 0 where `variance` has no degrees; nor can it tell which questions other seeds are asked:
/// see own_questions().
PlannedError planned_error(const SeedSpread& pilot, const SeedVariance& variance, double seeds, double items);

}  // namespace touchstone
