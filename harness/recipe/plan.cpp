#include "harness/recipe/plan.hpp"

#include <algorithm>
#include <set>

#include "harness/base/error.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/options.hpp"

namespace touchstone {
namespace {

std::vector<std::string> names(Options& options, const std::string& key, const std::string& help) {
  auto found = options.texts(key, help);
  require(!found.empty(), Fault::config, [&] { return options.where() + ": key '" + key + "': the list is empty"; });
  std::set<std::string> seen;
  for (const auto& name : found) {
    require(seen.insert(name).second, Fault::config,
            [&] { return options.where() + ": key '" + key + "': '" + name + "' stands twice"; });
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
  for (const auto& value : values) texts.push_back(value.dump());
  return texts;
}

std::vector<std::string> read_values(Options& options) {
  const auto* found = options.any("values", "values to try", true);
  return read_values(*found, options.where() + ": key 'values'");
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
  tuning.seed = static_cast<std::uint64_t>(options.integer("seed", "seed of the tuning cells", {.min = 0}));
  require(std::count(seeds.begin(), seeds.end(), tuning.seed) == 0, Fault::config, [&] {
    return place + ": key 'seed': found " + std::to_string(tuning.seed) + ", which the plan compares its methods with";
  });
  for (auto& entry : options.children("measure_on", "what decides")) {
    tuning.measure_on.push_back(read_measure(std::move(entry)));
  }
  require(!tuning.measure_on.empty(), Fault::config, [&] { return place + ": key 'measure_on': the list is empty"; });
  options.done();
  return tuning;
}

/// Reads [0.001, 0.002], for the plan's key, or {"key": "train#2.learning_rate", "values": [...]}.
void read_method_tuning(Options& entry, PlannedMethod& method) {
  const auto* tune = entry.any("tune", "values to try of this method", false);
  if (tune == nullptr) return;
  const auto where = entry.where() + ": key 'tune'";
  if (tune->is_object()) {
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
  require(!found->empty(), Fault::config, [&] { return place + ": the list is empty"; });
  std::vector<PlannedMethod> methods;
  std::set<std::string> seen;
  for (const auto& entry : *found) {
    methods.push_back(read_method(entry, place + ", entry " + std::to_string(methods.size())));
    const auto& name = methods.back().name;
    require(!name.empty() && seen.insert(name).second, Fault::config, [&] {
      return place + ": '" + name + R"(' stands twice: give variants of a method names, {"method": ..., "name": ...})";
    });
  }
  return methods;
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
  plan.tune = read_tuning(options, plan.seeds);
  plan.name = options.text("name", "what reports call this plan");
  plan.about = options.text("about", "the method whose paper the plan's claims come from", {.fallback = ""});
  plan.models = names(options, "models", "checkpoint folders, or names of models that come with the program");
  plan.train_on = names(options, "train_on", "training tasks");
  for (auto& entry : options.children("measure_on", "benchmarks, with their settings")) {
    plan.measure_on.push_back(read_measure(std::move(entry)));
  }
  require(!plan.measure_on.empty(), Fault::config, [&] { return where + ": key 'measure_on': the list is empty"; });
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

std::pair<std::string, std::vector<std::string>> tried_values(const Plan& plan, const PlannedMethod& method) {
  return {method.tune_key.empty() ? plan.tune->key : method.tune_key,
          method.tune.empty() ? plan.tune->values : method.tune};
}

Plan tuning_plan(const Plan& plan) {
  require(plan.tune.has_value(), Fault::config, [&] { return plan.where + ": has no key 'tune'"; });
  Plan tuning = plan;
  tuning.name = plan.name + "-tune";
  tuning.seeds = {plan.tune->seed};
  tuning.measure_on = plan.tune->measure_on;
  tuning.claims.clear();
  tuning.tune.reset();
  tuning.where += ": key 'tune'";
  tuning.methods.clear();
  for (const auto& method : plan.methods) {
    const auto [key, values] = tried_values(plan, method);
    for (const auto& value : values) {
      auto variant = method;
      variant.name = method.name + " at " + value;
      variant.set[key] = value;
      tuning.methods.push_back(std::move(variant));
    }
  }
  auto json = nlohmann::json::parse(plan.json);
  json.erase("claims");
  json["name"] = tuning.name;
  tuning.json = json.dump();
  tuning.hash = sha256(tuning.json);
  return tuning;
}

}  // namespace touchstone
