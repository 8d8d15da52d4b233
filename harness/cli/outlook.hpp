#pragma once
#include <string>

#include "harness/recipe/plan.hpp"

namespace touchstone {

/// What the claims of a plan could show before it runs, by what the database holds of an earlier run of it.
struct PlanOutlook {
  std::vector<ClaimOutlook> claims;
  std::string text;  ///< a line a claim
};
PlanOutlook outlook_of(const Plan& plan, const std::filesystem::path& db);

/// Throws Fault::config for a claim that the plan cannot show. A plan that has begun to run in this database goes on.
void require_hope(const Plan& plan, const std::filesystem::path& db);

}  // namespace touchstone
