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

/// Whether the database holds a run of this very plan, be it of its first look: such a plan goes on, whatever its
/// claims could show.
bool has_begun(const Plan& plan, const std::filesystem::path& db);

}  // namespace touchstone
