#include "harness/recipe/plan.hpp"

#include <algorithm>
#include <set>

#include "harness/base/error.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/options.hpp"
#include "harness/data/split.hpp"
#include "harness/measure/metric.hpp"

namespace touchstone {
namespace {

std::vector<std::string> names(Options& options, const std::string& key, const std::string& help) {
  auto found = options.texts(key, help);
  require(!found.empty(), Fault::config,
          [&] { return options.where() + ": key '" + key + "': found [], expected at least one name"; });
  std::set<std::string> seen;
  for (const auto& name : found) {
    require(seen.insert(name).second, Fault::config,
            [&] { return options.where() + ": key '" + key + "': found '" + name + "' twice, expected it once"; });
  }
  return found;
}

MeasureSettings read_measure(Options options) {
  MeasureSettings settings;
  settings.tasks = names(options, "tasks", "benchmarks to measure, tasks or groups");
  settings.shots = static_cast<int>(
      options.integer("shots", "number of shots; -1: each task's own", {.fallback = -1, .min = -1, .max = 1000}));
  settings.limit =
      options.number("limit", "documents a task: 0 all, below 1 a share", {.fallback = 0.0, .min = 0.0, .max = 1e9});
  settings.seed =
      static_cast<std::uint64_t>(options.integer("seed", "few-shot draws and sampling", {.fallback = 1234, .min = 0}));
  settings.mode = options.text("mode", "compat: the reference's numbers; fixed: its errors mended",
                               {.fallback = "compat", .choices = {"compat", "fixed"}}) == "fixed"
                      ? Mode::fixed
                      : Mode::compat;
  settings.chat = options.flag("chat", "apply the checkpoint's chat template", false);
  settings.multiturn = options.flag("multiturn", "with a chat template: shots as turns of their own", true);
  settings.system_instruction =
      options.text("system_instruction", "system text before the description", {.fallback = ""});
  settings.subjects = options.texts("subjects", "only these subjects", std::vector<std::string>{});
  settings.filter = options.text("filter", "pattern that example ids must match", {.fallback = ""});
  settings.metrics = read_metrics(options);
  const auto split = options.text("split", "which part of the data; \"\": the one that each task is scored on",
                                  {.fallback = "", .choices = {"", "train", "validation", "test", "dev"}});
  settings.split = split_named(split);
  settings.fresh = options.flag(
      "fresh", "each seed asks questions of its own, drawn with it, where the program makes the task's questions",
      false);
  options.done();
  return settings;
}

/// Overrides must be plain values: a config may choose and set parameters, but not compute.
std::map<std::string, std::string> read_set(Options& options) {
  std::map<std::string, std::string> set;
  const auto* found = options.any("set", "STAGE.KEY and its value, of every method that has such a stage", false);
  if (found == nullptr) return set;
  const auto& where = options.where();
  require(found->is_object(), Fault::config, [&] {
    return where + ": key 'set': found " + shown_json(*found) +
           ", expected an object such as {\"train.max_steps\": 20}";
  });
  for (const auto& member : found->items()) {
    require(member.key().find('.') != std::string::npos, Fault::config, [&] {
      return where + ": key 'set': found '" + member.key() +
             "', expected STAGE.KEY, for instance \"train.learning_rate\"";
    });
    set[member.key()] = member.value().dump();
  }
  return set;
}

/// Reads the values to try, as JSON texts.
std::vector<std::string> read_values(const Json& values, const std::string& where) {
  require(values.is_array() && !values.empty(), Fault::config,
          [&] { return where + ": found " + shown_json(values) + ", expected a list of values to try"; });
  std::vector<std::string> texts;
  for (const auto& value : values) {
    texts.push_back(value.dump());
    require(std::count(texts.begin(), texts.end(), texts.back()) == 1, Fault::config,
            [&] { return where + ": found " + texts.back() + " twice, expected different values to try"; });
  }
  return texts;
}

std::vector<std::string> read_values(Options& options) {
  const auto* found = options.any("values", "values to try", true);
  return read_values(*found, options.where() + ": key 'values'");
}

std::vector<std::uint64_t> read_seeds(Options& options) {
  const auto* found = options.any("seeds", "seeds of all random draws; each is run in turn", true);
  const auto place = options.where() + ": key 'seeds'";
  require(found->is_array() && !found->empty(), Fault::config, [&] {
    return place + ": found " + shown_json(*found) + ", expected a list of whole numbers, for instance [1, 2, 3]";
  });
  std::vector<std::uint64_t> seeds;
  std::set<std::uint64_t> seen;
  for (const auto& seed : *found) {
    require(seed.is_number_unsigned() && seen.insert(seed.get<std::uint64_t>()).second, Fault::config,
            [&] { return place + ": found " + shown_json(seed) + ", expected different whole numbers of at least 0"; });
    seeds.push_back(seed.get<std::uint64_t>());
  }
  return seeds;
}

constexpr std::size_t tuning_seeds = 3;

/// "seeds": at least three; or "seed": that one and the two that follow it.
std::vector<std::uint64_t> read_tuning_seeds(Options& options, const std::vector<std::uint64_t>& compared) {
  std::vector<std::uint64_t> seeds;
  const auto* key = options.has("seeds") ? "seeds" : "seed";
  if (options.has("seeds")) {
    seeds = read_seeds(options);
    require(seeds.size() >= tuning_seeds, Fault::config, [&] {
      return options.where() + ": key 'seeds': found " + std::to_string(seeds.size()) + ", expected at least " +
             std::to_string(tuning_seeds) + ": the noise of fewer would choose";
    });
  } else {
    const auto first = static_cast<std::uint64_t>(
        options.integer("seed", "the first of three seeds of the tuning cells", {.min = 0, .max = INT64_MAX - 2}));
    for (std::uint64_t at = 0; at < tuning_seeds; ++at) seeds.push_back(first + at);
  }
  for (const auto seed : seeds) {
    require(std::count(compared.begin(), compared.end(), seed) == 0, Fault::config, [&] {
      return options.where() + ": key '" + key + "': found " + std::to_string(seed) +
             ", which the plan compares its methods with";
    });
  }
  return seeds;
}

/// "tune": {"key": "train.learning_rate", "values": [0.001, 0.002], "seed": 100, "measure_on": [...]}.
std::optional<Tuning> read_tuning(Options& plan, const std::vector<std::uint64_t>& seeds) {
  const auto* found = plan.any("tune", "what is tuned before methods are compared", false);
  if (found == nullptr) return std::nullopt;
  const auto place = plan.where() + ": key 'tune'";
  Options options(*found, place);
  Tuning tuning;
  tuning.values = read_values(options);
  tuning.key = options.text("key", "the stage's option that is tuned", {.fallback = "train.learning_rate"});
  tuning.seeds = read_tuning_seeds(options, seeds);
  tuning.grow = static_cast<int>(
      options.integer("grow", "how often a grid may grow at an end", {.fallback = 4, .min = 0, .max = 16}));
  for (auto& entry : options.children("measure_on", "what decides")) {
    tuning.measure_on.push_back(read_measure(std::move(entry)));
  }
  require(!tuning.measure_on.empty(), Fault::config,
          [&] { return place + ": key 'measure_on': found [], expected at least one task"; });
  options.done();
  return tuning;
}

/// "choose": {"measure_on": [...], "bands": {"micro-gsm8k": [20, 60]}}.
std::optional<Choosing> read_choosing(Options& plan) {
  const auto* found = plan.any("choose", "the scores by which a cell's model is chosen among its checkpoints", false);
  if (found == nullptr) return std::nullopt;
  const auto place = plan.where() + ": key 'choose'";
  Options options(*found, place);
  Choosing choosing;
  for (auto& entry : options.children("measure_on", "benchmarks, with their settings")) {
    choosing.measure_on.push_back(read_measure(std::move(entry)));
  }
  require(!choosing.measure_on.empty(), Fault::config, [&] { return place + ": key 'measure_on': the list is empty"; });
  const auto* bands = options.any("bands", "for each benchmark the lowest and the highest score in points", true);
  require(bands->is_object() && !bands->empty(), Fault::config, [&] {
    return place + ": key 'bands': found " + shown_json(*bands) + R"(, expected an object such as {"maze": [20, 60]})";
  });
  for (const auto& [name, ends] : bands->items()) {
    const bool two = ends.is_array() && ends.size() == 2 && ends[0].is_number() && ends[1].is_number();
    require(two && ends[0].get<double>() < ends[1].get<double>(), Fault::config, [&, &key = name, &value = ends] {
      return place + ": key 'bands': '" + key + "': found " + shown_json(value) +
             ", expected the lowest and the highest score, for instance [20, 60]";
    });
    choosing.bands.push_back({name, ends[0].get<double>(), ends[1].get<double>()});
  }
  options.done();
  return choosing;
}

/// Reads [0.001, 0.002], for the plan's key, or {"key": "train#2.learning_rate", "values": [...]}, or false.
void read_method_tuning(Options& entry, PlannedMethod& method) {
  const auto* tune = entry.any("tune", "values to try of this method", false);
  if (tune == nullptr) return;
  const auto where = entry.where() + ": key 'tune'";
  if (*tune == false) {
    method.tuned = false;
  } else if (tune->is_object()) {
    Options options(*tune, where);
    method.tune = read_values(options);
    method.tune_key = options.text("key", "the stage's option that is tuned");
    options.done();
  } else {
    method.tune = read_values(*tune, where);
  }
}

/// "lora", or {"method": "lora", "name": "lora-r4", "set": {"adapt.r": 4}}.
PlannedMethod read_method(Json entry, const std::string& where) {
  if (entry.is_string()) entry = Json{{"method", entry}};
  require(entry.is_object(), Fault::config, [&] {
    return where + ": found " + shown_json(entry) + R"(, expected a name or {"method": NAME, "set": {...}})";
  });
  PlannedMethod method;
  Options options(entry, where);
  method.set = read_set(options);
  read_method_tuning(options, method);
  method.recipe = options.text("method", "a recipe of configs/methods, or a file");
  method.name =
      options.text("name", "what reports call it", {.fallback = std::filesystem::path(method.recipe).stem().string()});
  options.done();
  return method;
}

std::vector<PlannedMethod> read_methods(Options& options) {
  const auto* found = options.any("methods", "names of recipes, or entries with settings of their own", true);
  const auto place = options.where() + ": key 'methods'";
  require(found->is_array(), Fault::config, [&] {
    return place + ": found " + shown_json(*found) + R"(, expected a list of methods, for instance ["sft", "lora"])";
  });
  require(!found->empty(), Fault::config, [&] { return place + ": found [], expected at least one method"; });
  std::vector<PlannedMethod> methods;
  std::set<std::string> seen;
  for (const auto& entry : *found) {
    methods.push_back(read_method(entry, place + ", entry " + std::to_string(methods.size())));
    const auto& name = methods.back().name;
    require(!name.empty() && seen.insert(name).second, Fault::config, [&] {
      return place + ": found '" + name +
             R"(' twice, expected different names: {"method": ..., "name": ...} names a variant)";
    });
  }
  return methods;
}

}  // namespace

Plan read_plan(const std::filesystem::path& path) {
  const auto where = path.string();
  const Json json = read_json(path, {.bytes = std::size_t{1} << 20U, .depth = 16});
  Options options(json, where);
  Plan plan;
  plan.where = where;
  plan.json = options.json();
  plan.hash = sha256(plan.json);
  plan.seeds = read_seeds(options);
  plan.set = read_set(options);
  plan.methods = read_methods(options);
  options.any("claims", "what the plan expects to find", false);  // read by read_claims, also for a stored plan
  plan.claims = read_claims(json, where);
  require_main(plan.claims, where);
  plan.until_decided = options.flag("until_decided", "add seeds, at stated looks, until the claims are decided", false);
  require(!plan.until_decided || !plan.claims.empty(), Fault::config,
          [&] { return where + ": key 'until_decided': the plan has no key 'claims' that could be decided"; });
  plan.tune = read_tuning(options, plan.seeds);
  const bool tuned = std::any_of(plan.methods.begin(), plan.methods.end(), [](const auto& one) { return one.tuned; });
  require(!plan.tune || tuned, Fault::config,
          [&] { return where + ": key 'tune': every method says \"tune\": false"; });
  plan.choose = read_choosing(options);
  plan.name = options.text("name", "what reports call this plan");
  plan.about = options.text("about", "the method whose paper the plan's claims come from", {.fallback = ""});
  plan.models = names(options, "models", "checkpoint folders, or names of models that come with the program");
  plan.train_on = names(options, "train_on", "training tasks");
  for (auto& entry : options.children("measure_on", "benchmarks, with their settings")) {
    plan.measure_on.push_back(read_measure(std::move(entry)));
  }
  require(!plan.measure_on.empty(), Fault::config,
          [&] { return where + ": key 'measure_on': found [], expected at least one task"; });
  plan.device = options.text("device", "auto, cpu or cuda[:N]", {.fallback = "auto"});
  plan.dtype = options.text("dtype", "number format of the matrix products",
                            {.fallback = "float32", .choices = {"float32", "bfloat16"}});
  plan.save_dtype = options.text("save_dtype", "number format of the trained weights, as measured and kept",
                                 {.fallback = "float32", .choices = {"float32", "bfloat16", "float16"}});
  plan.threads =
      static_cast<int>(options.integer("threads", "tensor threads of one job", {.fallback = 1, .min = 1, .max = 1024}));
  plan.jobs = static_cast<int>(
      options.integer("jobs", "cells side by side; 0: as the cores allow", {.fallback = 0, .min = 0, .max = 1024}));
  plan.batch_tokens = static_cast<int>(options.integer("batch_tokens", "tokens in one forward pass when measuring",
                                                       {.fallback = 4096, .min = 1, .max = 1 << 24}));
  plan.save_every_steps = static_cast<int>(
      options.integer("save_every_steps", "steps between checkpoints", {.fallback = 50, .min = 1, .max = 1 << 30}));
  plan.keep_models = options.flag("keep_models", "keep trained checkpoints after they were measured", false);
  plan.keep_records = options.flag("keep_records", "keep the records that stages made", true);
  options.done();
  return plan;
}

std::vector<TriedGrid> first_grids(const Plan& plan) {
  std::vector<TriedGrid> grids;
  for (const auto& method : plan.methods) {
    if (!method.tuned) continue;
    grids.push_back({method.name, method.tune_key.empty() ? plan.tune->key : method.tune_key,
                     method.tune.empty() ? plan.tune->values : method.tune});
    complete_grid(grids.back());
  }
  return grids;
}

Plan tuning_plan(const Plan& plan, const std::vector<TriedGrid>& grids) {
  require(plan.tune.has_value(), Fault::config,
          [&] { return plan.where + ": key 'tune' is missing, which says what to try"; });
  Plan tuning = plan;
  tuning.name = plan.name + "-tune";
  tuning.seeds = plan.tune->seeds;
  tuning.measure_on = plan.tune->measure_on;
  tuning.claims.clear();
  tuning.tune.reset();
  tuning.choose.reset();
  tuning.where += ": key 'tune'";
  tuning.methods.clear();
  auto json = nlohmann::json::parse(plan.json);
  // What was tried stands in the stored plan, for `touchstone verdict`.
  json["tuned_settings"] = tuned_settings(Json::parse(plan.json));
  json["tried"] = nlohmann::json::array();
  for (const auto& grid : grids) {
    const auto method = std::find_if(plan.methods.begin(), plan.methods.end(),
                                     [&](const PlannedMethod& one) { return one.name == grid.method; });
    auto values = nlohmann::json::array();
    for (const auto& value : grid.values) {
      auto variant = *method;
      variant.name = tried_name(method->name, value);
      variant.set[grid.key] = value;
      tuning.methods.push_back(std::move(variant));
      values.push_back(nlohmann::json::parse(value));
    }
    json["tried"].push_back({{"method", grid.method}, {"key", grid.key}, {"values", std::move(values)}});
  }
  json.erase("claims");
  json["name"] = tuning.name;
  json["seeds"] = tuning.seeds;
  tuning.json = json.dump();
  tuning.hash = sha256(tuning.json);
  return tuning;
}

namespace {

/// Sets members of the plan's text, which is stored, and its hash.
void rewrite(Plan& plan, const nlohmann::json& members) {
  auto json = nlohmann::json::parse(plan.json);
  json.update(members);
  plan.json = json.dump();
  plan.hash = sha256(plan.json);
}

}  // namespace

Plan with_model(Plan plan, const std::string& model) {
  plan.models = {model};
  rewrite(plan, {{"models", plan.models}});
  return plan;
}

std::span<const SeedLook> looks_of(const Plan& plan) { return looks_of(plan.claims, plan.methods.size()); }

SeedLook last_look(const Plan& plan) {
  if (plan.until_decided) return looks_of(plan).back();
  return {.seeds = plan.seeds.size(), .alpha = significance};
}

Plan plan_at_look(const Plan& plan, std::size_t seeds) {
  require(!plan.claims.empty(), Fault::config,
          [&] { return plan.where + ": has no key 'claims', so nothing can be decided by more seeds"; });
  const auto most = looks_of(plan).back().seeds;
  require(plan.seeds.size() <= most, Fault::config, [&] {
    return plan.where + ": key 'seeds': found " + std::to_string(plan.seeds.size()) + ", expected at most " +
           std::to_string(most) + " where seeds are added until the main claim is decided";
  });
  Plan look = plan;
  look.until_decided = true;
  while (look.seeds.size() < seeds) {
    auto next = *std::max_element(look.seeds.begin(), look.seeds.end()) + 1;
    while (plan.tune && std::count(plan.tune->seeds.begin(), plan.tune->seeds.end(), next) > 0) ++next;
    look.seeds.push_back(next);
  }
  look.seeds.resize(seeds);
  rewrite(look, {{"seeds", look.seeds}, {"until_decided", true}});
  return look;
}

Plan tuning_plan(const Plan& plan) {
  return tuning_plan(plan, plan.tune ? first_grids(plan) : std::vector<TriedGrid>());
}

CellSource unrun_cells(const Plan& plan) {
  CellSource cells;
  for (const auto& method : plan.methods) {
    for (std::size_t model = 0; model < plan.models.size(); ++model) {
      for (const auto& task : plan.train_on) {
        for (const auto seed : plan.seeds) {
          cells.planned[method.name].push_back({static_cast<std::int64_t>(model), task, seed});
        }
      }
    }
  }
  cells.differences = [](const Quantity&, const std::string&, const std::string&) { return ArmValues(); };
  return cells;
}

}  // namespace touchstone
