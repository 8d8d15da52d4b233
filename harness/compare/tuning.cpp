#include "harness/compare/tuning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "harness/base/error.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/base/json_values.hpp"
#include "harness/base/text.hpp"
#include "harness/compare/claims/evidence.hpp"
#include "harness/measure/metric.hpp"

namespace touchstone {
namespace {

constexpr double not_there = std::numeric_limits<double>::quiet_NaN();
constexpr const char* default_tuned_key = "train.learning_rate";

bool all_numbers(const std::vector<std::string>& values) {
  return std::all_of(values.begin(), values.end(), [](const auto& text) { return Json::parse(text).is_number(); });
}

double number_in(const std::string& value) { return Json::parse(value).get<double>(); }

/// Twice the number, or half of it; nothing where half of a whole number is none.
std::optional<std::string> next_value(const std::string& value, GridEdge edge) {
  const auto number = Json::parse(value);
  if (number.is_number_integer()) {
    const auto whole = number.get<std::int64_t>();
    if (edge == GridEdge::high) return Json(2 * whole).dump();
    if (whole % 2 != 0 || whole == 0) return std::nullopt;
    return Json(whole / 2).dump();
  }
  return Json(number.get<double>() * (edge == GridEdge::high ? 2.0 : 0.5)).dump();
}

/// The option that a method's entry of a plan tunes; nothing where it is not tuned.
std::optional<std::string> tuned_key(const Json& plan, const Json& method) {
  if (!plan.contains("tune") || !plan["tune"].is_object()) return std::nullopt;
  const auto plans = plan["tune"].value("key", default_tuned_key);
  if (!method.is_object() || !method.contains("tune")) return plans;
  const auto& own = method["tune"];
  if (own.is_boolean()) return std::nullopt;
  return own.is_object() ? own.value("key", plans) : plans;
}

/// What reports call the method of a plan's entry.
std::string entry_name(const Json& method) {
  if (method.is_string()) return std::filesystem::path(method.get<std::string>()).stem().string();
  if (method.contains("name")) return method["name"].get<std::string>();
  return std::filesystem::path(method.value("method", "")).stem().string();
}

std::vector<double> seed_means(const std::map<CellKey, ItemMean>& cells) {
  std::map<std::uint64_t, std::pair<double, double>> sums;
  for (const auto& [cell, value] : cells) {
    sums[cell.seed].first += value.value;
    sums[cell.seed].second += 1.0;
  }
  std::vector<double> means;
  for (const auto& [seed, sum] : sums) means.push_back(sum.first / sum.second);
  return means;
}

double mean_of_cells(const std::map<CellKey, ItemMean>& cells) {
  if (cells.empty()) return not_there;
  const auto means = seed_means(cells);
  return mean_error(means).mean;
}

GridEdge edge_of(const TunedMethod& method) {
  std::vector<std::string> values;
  for (const auto& tried : method.tried) values.push_back(tried.value);
  if (!all_numbers(values)) return GridEdge::none;
  if (method.best + 1 == values.size()) return GridEdge::high;
  if (method.best == 0 && next_value(values.front(), GridEdge::low)) return GridEdge::low;
  return GridEdge::none;
}

double regret_of(const TunedMethod& method, const Quantity& quantity, Evidence& evidence) {
  double regret = 0.0;
  const auto others = static_cast<double>(method.tried.size() - 1);
  const auto best = tried_name(method.method, method.tried[method.best].value);
  for (const auto& tried : method.tried) {
    const auto name = tried_name(method.method, tried.value);
    if (name == best) continue;
    const auto weighed = evidence.weigh(quantity, {{name, 1.0}, {best, -1.0}}, Evidence::Need::some);
    if (!weighed.missing.empty()) return not_there;
    regret = std::max(regret, weighed.mean(significance / others).interval.high);
  }
  return regret;
}

TunedMethod tuned_method(const TriedGrid& grid, const Quantity& quantity, Evidence& evidence) {
  TunedMethod out{.method = grid.method, .key = grid.key, .tried = {}};
  Quantity drop;
  drop.of = Quantity::Of::drop;
  out.measured = true;
  for (const auto& value : grid.values) {
    const auto name = tried_name(grid.method, value);
    const auto& cells = evidence.differences(quantity, name, base_name).cells;
    const auto planned = evidence.planned(quantity, name).size();
    auto& tried = out.tried.emplace_back();
    tried.value = value;
    tried.seeds = seed_means(cells);
    tried.change = cells.size() == planned ? mean_of_cells(cells) : not_there;
    tried.drop = mean_of_cells(evidence.differences(drop, name, base_name).cells);
    const auto& best = out.tried[out.best];
    if (std::isnan(best.change) || tried.change > best.change) out.best = out.tried.size() - 1;
    if (std::isnan(tried.change)) out.measured = false;
  }
  out.edge = edge_of(out);
  out.regret = out.measured ? regret_of(out, quantity, evidence) : not_there;
  return out;
}

/// Whether the highest value of a metric is that of the model which learnt most.
bool says_what_is_learnt(const std::string& metric) {
  if (!metric_book().has(metric)) return true;  // a benchmark's own
  const auto& entry = metric_book().get(metric);
  return !entry.reference && entry.better != "neither";
}

std::vector<TriedGrid> stored_grids(const Json& plan) {
  std::vector<TriedGrid> grids;
  for (const auto& entry : plan["tried"]) {
    auto& grid = grids.emplace_back();
    grid.method = entry.value("method", "");
    grid.key = entry.value("key", "");
    for (const auto& value : entry["values"]) grid.values.push_back(value.dump());
  }
  return grids;
}

}  // namespace

std::string tried_name(const std::string& method, const std::string& value) { return method + " at " + value; }

void complete_grid(TriedGrid& grid) {
  if (!all_numbers(grid.values)) return;
  if (grid.values.size() == 1) {
    const auto middle = grid.values.front();
    for (const auto edge : {GridEdge::low, GridEdge::high}) {
      if (auto next = next_value(middle, edge)) grid.values.push_back(std::move(*next));
    }
  }
  std::sort(grid.values.begin(), grid.values.end(),
            [](const auto& one, const auto& two) { return number_in(one) < number_in(two); });
}

bool grow_grid(TriedGrid& grid, const TunedMethod& found) {
  if (found.edge == GridEdge::none) return false;
  const auto& last = found.edge == GridEdge::low ? grid.values.front() : grid.values.back();
  auto next = next_value(last, found.edge);
  if (!next || *next == last) return false;
  grid.values.insert(found.edge == GridEdge::low ? grid.values.begin() : grid.values.end(), std::move(*next));
  return true;
}

Quantity tuning_quantity(const std::vector<Claim>& claims) {
  Quantity quantity;
  quantity.of = Quantity::Of::gain;
  const auto main = std::find_if(claims.begin(), claims.end(), [](const Claim& claim) { return claim.main; });
  if (main == claims.end() || main->quantities.empty()) return quantity;
  const auto& about = main->quantities.front();
  if (about.of == Quantity::Of::score && about.task == trained_name && says_what_is_learnt(about.metric)) return about;
  quantity.train_on = about.train_on;
  return quantity;
}

std::string tuned_settings(const Json& plan) {
  nlohmann::json kept;  // sorted by key
  std::set<std::string> keys;
  for (const auto& method : plan.value("methods", Json::array())) {
    const auto key = tuned_key(plan, method);
    if (!key) continue;
    keys.insert(*key);
    nlohmann::json entry =
        method.is_object() ? nlohmann::json::parse(method.dump()) : nlohmann::json{{"method", entry_name(method)}};
    entry.erase("tune");
    if (entry.contains("set")) entry["set"].erase(*key);
    if (entry.contains("set") && entry["set"].empty()) entry.erase("set");
    entry["name"] = entry_name(method);
    kept["methods"].push_back(std::move(entry));
  }
  for (const auto* name : {"models", "train_on", "set", "dtype", "save_dtype"}) {
    if (plan.contains(name)) kept[name] = nlohmann::json::parse(plan[name].dump());
  }
  for (const auto& key : keys) {
    if (kept.contains("set")) kept["set"].erase(key);
  }
  return sha256(kept.dump());
}

TunedPlan tuned_plan(const Store& store, const RunRow& tuning, const Quantity& judged_on) {
  const auto plan = parse_json(tuning.plan_json, "run '" + tuning.name + "'");
  Evidence evidence(stored_cells(store, tuning));
  TunedPlan out;
  out.settings = plan.value("tuned_settings", "");
  out.seeds = plan.value("seeds", Json::array()).size();
  out.judged_on.quantity = judged_on;
  for (const auto& grid : stored_grids(plan)) {
    out.methods.push_back(tuned_method(grid, judged_on, evidence));
    const auto& values = evidence.differences(judged_on, tried_name(grid.method, grid.values.front()), base_name);
    out.judged_on.unit = values.unit;
    out.judged_on.higher_is_better = values.higher_is_better;
  }
  return out;
}

std::optional<TunedPlan> tuning_of(const Store& store, const RunRow& run) {
  std::optional<RunRow> latest;
  for (const auto& other : store.runs()) {
    if (other.name != run.name + "-tune" || other.state != "done") continue;
    if (parse_json(other.plan_json, "run '" + other.name + "'").contains("tried")) latest = other;
  }
  if (!latest) return std::nullopt;
  const auto where = "run '" + run.name + "'";
  return tuned_plan(store, *latest, tuning_quantity(read_claims(parse_json(run.plan_json, where), where)));
}

std::vector<std::string> tuning_objections(const Json& plan, const std::optional<TunedPlan>& tuned) {
  if (!plan.contains("tune")) return {};
  if (!tuned) return {"the database holds no tuning of the plan (touchstone run PLAN --tune)"};
  if (tuned->settings != tuned_settings(plan)) return {"the plan was tuned with other settings than it ran with"};
  std::vector<std::string> objections;
  for (const auto& entry : plan["methods"]) {
    const auto key = tuned_key(plan, entry);
    if (!key) continue;
    const auto name = entry_name(entry);
    const auto found = std::find_if(tuned->methods.begin(), tuned->methods.end(),
                                    [&](const TunedMethod& one) { return one.method == name; });
    if (found == tuned->methods.end() || !found->measured) {
      objections.push_back(name + ": its tuning is not whole");
      continue;
    }
    const auto& best = found->tried[found->best].value;
    if (found->edge != GridEdge::none) {
      objections.push_back(fmt::format("{}: its best {}, {}, is the {} value tried", name, *key, best,
                                       found->edge == GridEdge::low ? "lowest" : "highest"));
    }
    const Json* set = nullptr;
    for (const Json* owner : std::initializer_list<const Json*>{&plan, &entry}) {
      if (owner->is_object() && owner->contains("set") && (*owner)["set"].contains(*key)) set = &(*owner)["set"][*key];
    }
    if (set == nullptr || *set != Json::parse(best)) {
      objections.push_back(fmt::format("{} runs with {} {}, and {} was the best of those tried", name, *key,
                                       set == nullptr ? "not set" : set->dump(), best));
    }
  }
  return objections;
}

std::string tuned_text(const TunedPlan& plan, const TunedMethod& method) {
  std::vector<std::string> values;
  for (const auto& tried : method.tried) {
    values.push_back(fmt::format("{} ({}{})", tried.value,
                                 std::isnan(tried.change) ? "failed" : plan.judged_on.difference(tried.change),
                                 std::isnan(tried.drop) ? "" : fmt::format(", drop {:+.1f}", 100.0 * tried.drop)));
  }
  auto text = fmt::format("{}: {} {} of {}", method.method, method.key,
                          method.measured ? method.tried[method.best].value : "not chosen", join(values, ", "));
  if (method.edge == GridEdge::low) text += "; the best is the lowest value tried";
  if (method.edge == GridEdge::high) text += "; the best is the highest value tried";
  if (!std::isnan(method.regret)) {
    text += fmt::format("; another of them could be up to {} better", plan.judged_on.effect(method.regret));
  }
  return text;
}

std::string tuning_lines(const TunedPlan& plan) {
  std::string text;
  for (const auto& method : plan.methods) {
    text += fmt::format("  tuned on the {}, {} seeds: {}\n", quantity_text(plan.judged_on.quantity), plan.seeds,
                        tuned_text(plan, method));
  }
  return text;
}

Json tuning_json(const TunedPlan& plan) {
  Json methods = Json::array();
  for (const auto& method : plan.methods) {
    Json tried = Json::array();
    for (const auto& one : method.tried) {
      tried.push_back({{"value", Json::parse(one.value)},
                       {"change", number_or_null(one.change)},
                       {"seeds", one.seeds},
                       {"drop", number_or_null(one.drop)}});
    }
    methods.push_back({{"method", method.method},
                       {"key", method.key},
                       {"best", method.measured ? Json::parse(method.tried[method.best].value) : Json()},
                       {"edge", method.edge != GridEdge::none},
                       {"regret", number_or_null(method.regret)},
                       {"words", tuned_text(plan, method)},
                       {"tried", std::move(tried)}});
  }
  return {
      {"judged_on", quantity_text(plan.judged_on.quantity)}, {"seeds", plan.seeds}, {"methods", std::move(methods)}};
}

}  // namespace touchstone
