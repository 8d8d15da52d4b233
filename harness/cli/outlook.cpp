#include "harness/cli/outlook.hpp"

#include <optional>

namespace touchstone {

PlanOutlook outlook_of(const Plan& plan, const std::filesystem::path& db) {
  PlanOutlook outlook;
  if (plan.claims.empty()) return outlook;
  auto cells = unrun_cells(plan);
  std::optional<Store> store;
  if (std::filesystem::exists(db)) {
    store.emplace(db, Store::Open::read_only);
    std::optional<RunRow> pilot;
    for (const auto& run : store->runs()) {
      if (run.name == plan.name) pilot = run;
    }
    // The cells of the pilot in the places of the plan's.
    if (pilot) cells.differences = stored_cells(*store, *pilot).differences;
    if (!pilot) outlook.text = db.string() + " holds no run of this plan, not even of one seed, so little is known:\n";
  } else {
    outlook.text = db.string() + " does not exist, so little is known of what the claims could show:\n";
  }
  outlook.claims = claim_outlooks(plan.claims, std::move(cells), last_look(plan));
  outlook.text += outlook_lines(plan.claims, outlook.claims);
  return outlook;
}

bool has_begun(const Plan& plan, const std::filesystem::path& db) {
  if (!std::filesystem::exists(db)) return false;
  const Store store(db, Store::Open::read_only);
  const auto first = plan.until_decided ? plan_at_look(plan, looks_of(plan).front().seeds).hash : plan.hash;
  return store.find_run(plan.hash) || store.find_run(first);
}

}  // namespace touchstone
