#include "harness/compare/claims/claim.hpp"

#include <algorithm>
#include <array>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/compare/claims/evidence.hpp"

namespace touchstone {
namespace {

struct ClaimKind {
  const char* name;
  ReadClaim read;
  bool takes_base;  ///< the base model may stand for an arm
};

constexpr std::array claim_kinds = {
    ClaimKind{"contrast", read_contrast, true},        ClaimKind{"interior_maximum", read_interior_maximum, true},
    ClaimKind{"monotone", read_monotone, true},        ClaimKind{"rank", read_rank_test, false},
    ClaimKind{"correlation", read_correlation, false}, ClaimKind{"matched_gain", read_matched_gain, false}};

/// The base model has no cells, of which tests of cells are, and it logs nothing.
void check_base(const Claim& claim, const ClaimKind& kind, const std::string& where) {
  if (std::find(claim.methods.begin(), claim.methods.end(), base_name) == claim.methods.end()) return;
  require(kind.takes_base, Fault::config, [&] {
    return where + ": found 'base' as an arm, expected methods of the plan: the base model has no cells";
  });
  const bool logged = std::any_of(claim.quantities.begin(), claim.quantities.end(),
                                  [](const Quantity& quantity) { return quantity.of == Quantity::Of::logged; });
  require(!logged, Fault::config,
          [&] { return where + ": the base model logs nothing: 'against' must be a method of the plan"; });
}

Claim read_claim(Options options) {
  std::vector<std::string> names;
  for (const auto& kind : claim_kinds) names.emplace_back(kind.name);
  const auto name = options.text("kind", "what sort of claim it is", {.fallback = "contrast", .choices = names});
  const auto kind =
      std::find_if(claim_kinds.begin(), claim_kinds.end(), [&](const ClaimKind& one) { return one.name == name; });
  const auto text = options.text("text", "what the paper says, in a sentence");
  const bool main = options.flag("main", "it gives the plan's verdict", false);
  auto claim = kind->read(options);
  check_base(claim, *kind, options.where());
  claim.text = text;
  claim.main = main;
  claim.kind = name;
  options.done();
  return claim;
}

auto main_count(const std::vector<Claim>& claims) {
  return std::count_if(claims.begin(), claims.end(), [](const Claim& claim) { return claim.main; });
}

}  // namespace

bool is_decided(ClaimVerdict verdict) {
  return verdict == ClaimVerdict::reproduced || verdict == ClaimVerdict::contradicted ||
         verdict == ClaimVerdict::no_difference;
}

const char* claim_verdict_name(ClaimVerdict verdict) {
  switch (verdict) {
    case ClaimVerdict::reproduced:
      return "direction reproduced";
    case ClaimVerdict::not_shown:
      return "not shown";
    case ClaimVerdict::contradicted:
      return "contradicted";
    case ClaimVerdict::no_difference:
      return "no difference of 2 points";
    case ClaimVerdict::unmeasured:
      break;
  }
  return "not measured";
}

std::vector<Claim> read_claims(const Json& plan, const std::string& where) {
  std::vector<Claim> claims;
  if (!plan.contains("claims")) return claims;
  Options options(Json{{"claims", plan["claims"]}}, where);
  for (auto& entry : options.children("claims", "what the plan expects"))
    claims.push_back(read_claim(std::move(entry)));
  require(main_count(claims) < 2, Fault::config, [&] {
    return where + ": key 'claims': found " + std::to_string(main_count(claims)) +
           " claims with \"main\": true, expected one, which gives the plan's verdict";
  });
  if (claims.size() == 1) claims.front().main = true;
  return claims;
}

std::span<const SeedLook> looks_of(const std::vector<Claim>& claims, std::size_t methods) {
  const bool own = std::any_of(claims.begin(), claims.end(), [](const Claim& claim) {
    return claim.main && std::any_of(claim.quantities.begin(), claim.quantities.end(),
                                     [](const Quantity& quantity) { return quantity.of == Quantity::Of::logged; });
  });
  return sequential_looks(own || methods < 2 ? 1 : methods - 1);
}

void require_main(const std::vector<Claim>& claims, const std::string& where) {
  require(claims.empty() || main_count(claims) == 1, Fault::config, [&] {
    return where + ": key 'claims': found no claim with \"main\": true among " + std::to_string(claims.size()) +
           ", expected one, which gives the plan's verdict";
  });
}

}  // namespace touchstone
