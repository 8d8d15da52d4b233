#include "harness/compare/claims/arm_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/text.hpp"

namespace touchstone {

std::vector<std::string> read_arms(Options& options, const std::string& key, const std::string& help,
                                   std::size_t least) {
  auto arms = options.texts(key, help);
  const auto place = options.where() + ": key '" + key + "'";
  require(arms.size() >= least, Fault::config, [&] {
    return place + ": found " + std::to_string(arms.size()) + " arms, expected at least " + std::to_string(least);
  });
  std::set<std::string> seen;
  for (const auto& arm : arms) {
    require(seen.insert(arm).second, Fault::config, [&] { return place + ": '" + arm + "' stands twice"; });
  }
  return arms;
}

ArmList read_arm_list(Options& options, std::size_t least) {
  ArmList list;
  list.arms = read_arms(options, "arms", "methods of the plan, in their order", least);
  const auto* found = options.any("positions", "where the arms stand: rising numbers, one an arm", false);
  if (found == nullptr) {
    for (std::size_t at = 0; at < list.arms.size(); ++at) list.positions.push_back(static_cast<double>(at + 1));
    return list;
  }
  const bool numbers =
      found->is_array() && std::all_of(found->begin(), found->end(), [](const Json& one) { return one.is_number(); });
  if (numbers) list.positions = found->get<std::vector<double>>();
  const bool rising = std::adjacent_find(list.positions.begin(), list.positions.end(),
                                         [](double one, double two) { return one >= two; }) == list.positions.end();
  require(numbers && rising && list.positions.size() == list.arms.size(), Fault::config, [&] {
    return options.where() + ": key 'positions': found " + shown_json(*found) + ", expected " +
           std::to_string(list.arms.size()) + " rising numbers, one an arm";
  });
  list.placed = true;
  return list;
}

std::string arm_text(const ArmList& list, std::size_t at) {
  return list.arms[at] + (list.placed ? fmt::format(" ({:g})", list.positions[at]) : "");
}

std::string compared_arms(const Quantity& quantity, const std::vector<std::string>& arms) {
  return quantity_text(quantity) + ", " + join(arms, ", ") + trained_text(quantity);
}

}  // namespace touchstone
