#pragma once
#include <string>
#include <vector>

#include "harness/report/section.hpp"

namespace touchstone::reports {

/// The measures of one model that are pooled into one benchmark, all with the same settings.
struct Pool {
  std::string name;
  std::vector<const MeasureRow*> leaves;
};

std::vector<Pool> pools_of(const ReportInput& input, std::int64_t model);

/// The leaves of each task. A base has several of one task where each seed asked questions of its own.
std::vector<std::vector<const MeasureRow*>> by_task(const std::vector<const MeasureRow*>& leaves);

/// "mmlu (57 tasks)", or the one task's name.
std::string pool_name(const Pool& pool);

/// Counts over the samples of all leaves.
SampleCounts counts_of(const ReportInput& input, const std::vector<const MeasureRow*>& leaves);

/// A score over all leaves, weighted by items, as the reference pools a group: the main one, or the one at that place.
Score pooled(const std::vector<const MeasureRow*>& leaves, std::size_t at = 0);

/// 95 %: Wilson's interval where the score is a share of right items, otherwise the normal one.
Interval interval_of(const Score& score, const SampleCounts& counts);

}  // namespace touchstone::reports
