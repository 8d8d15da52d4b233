#pragma once
#include <cstddef>
#include <span>

namespace touchstone {

/// What is too small to matter, in points.
inline constexpr double negligible_points = 2.0;

/// One look at a comparison whose seeds are added until it is decided.
struct SeedLook {
  std::size_t seeds = 0;  ///< so many seeds are measured at this look
  double alpha = 0.05;    ///< two-sided level of the look's own interval and test
};

/// The looks at a plan, in order. Together they decide wrongly where nothing differs in at most 5 %, spent in
/// proportion to the seeds (Lan and DeMets, Biometrika 70 (1983), 659); the interval of each look is then a repeated
/// confidence interval (Jennison and Turnbull, JRSS B 51 (1989), 305). The levels are exact for normal values in a t
/// statistic, by simulation of 200,000 paths: where at least four comparisons are pooled, with 4 (seeds - 1) degrees
/// (four methods against the base model have so many, and five methods against each other; more only add degrees);
/// otherwise with those of the comparison alone, seeds - 1, which needs a fourth seed before it tells enough.
/// `comparisons`: over so many the variance is pooled, that of the claim included.
std::span<const SeedLook> sequential_looks(std::size_t comparisons);

/// The last look that so many seeds reach; nullptr: fewer than the first one needs.
const SeedLook* reached_look(std::span<const SeedLook> looks, std::size_t seeds);

}  // namespace touchstone
