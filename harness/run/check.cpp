#include <fmt/format.h>
#include <sys/statvfs.h>
#include <tbb/info.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/base/text.hpp"
#include "harness/measure/metric.hpp"
#include "harness/recipe/recipe_file.hpp"
#include "harness/run/runner.hpp"

namespace touchstone {
namespace fs = std::filesystem;
namespace {

// Rough figures, for the estimate alone: the rate of a plain build on one core, and characters a token of English.
constexpr double flops_a_second = 4e10;
constexpr double seconds_a_forward = 2e-3;
constexpr double characters_a_token = 3.5;

/// MemAvailable of the system, or the cgroup's limit where that is lower.
std::int64_t available_memory() {
  std::int64_t bytes = INT64_MAX;
  std::ifstream meminfo("/proc/meminfo");
  for (std::string name; meminfo >> name;) {
    std::int64_t kilobytes = 0;
    if (name == "MemAvailable:" && meminfo >> kilobytes) bytes = kilobytes * 1024;
    meminfo.ignore(256, '\n');
  }
  std::ifstream cgroup("/sys/fs/cgroup/memory.max");
  std::int64_t limit = 0;
  if (cgroup >> limit) bytes = std::min(bytes, limit);
  return bytes;
}

/// The existing folder at or above `path`.
fs::path existing(fs::path path) {
  path = fs::absolute(path);
  while (!fs::exists(path) && path.has_relative_path()) path = path.parent_path();
  return path;
}

std::int64_t free_disk(const fs::path& path) {
  struct statvfs status {};
  if (::statvfs(existing(path).c_str(), &status) != 0) return INT64_MAX;
  return static_cast<std::int64_t>(status.f_bavail) * static_cast<std::int64_t>(status.f_frsize);
}

/// Runs `work`; adds the plan's file and key to its errors.
template <class Work>
auto at_key(const Plan& plan, const std::string& key, const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    throw Error(error.fault(), plan.where + ": " + key + ": " + error.what());
  }
}

/// Finds every data file that a task needs; throws the error of the first that is missing.
void check_files(const Task& task, const DataFolders& data) {
  for (const auto& file : task.files) data.find(task.name, file);
}

/// Whether seeds ask questions of their own.
bool asks_fresh(const Plan& plan) {
  return std::any_of(plan.measure_on.begin(), plan.measure_on.end(),
                     [](const auto& settings) { return settings.fresh; });
}

/// Loads, counts requests and estimates tokens of one task.
void count_task(const std::string& leaf, const MeasureSettings& settings, const RunTools& tools, CheckedPlan& checked) {
  const Task& task = tools.tasks->tasks.get(leaf);
  auto examples = examples_of(task, settings, *tools.data);
  require(!examples.empty(), Fault::data,
          [&] { return "task '" + leaf + "': found no example, expected at least one"; });
  for (const auto& media : examples.front().media) checked.media_tasks.try_emplace(kind_of(media), leaf);
  const auto size = static_cast<double>(examples.size());
  double count = size;
  if (settings.limit > 0)
    count = settings.limit < 1 ? std::ceil(settings.limit * size) : std::min(size, settings.limit);
  AskSettings ask;
  ask.mode = settings.mode;
  const auto requests = task.ask(examples.front(), examples.front().question, ask);
  const int shots = task.format.shots_fixed || settings.shots < 0 ? task.format.shots : settings.shots;
  const double tokens = static_cast<double>(examples.front().question.size()) * (1 + shots) / characters_a_token;
  checked.requests += static_cast<std::int64_t>(count * static_cast<double>(requests.size()));
  checked.prompt_tokens += static_cast<std::int64_t>(count * tokens);
  // A claim may name a metric by the values that these items have.
  const auto asked = std::span(examples).first(static_cast<std::size_t>(count));
  for (const auto& named : metric_specs(settings, task, asked, requests)) {
    checked.further_metrics[leaf].push_back(named.spec.name);
  }
  const auto items = static_cast<std::int64_t>(count);
  for (const auto& request : requests) {
    const auto* generation = std::get_if<Generation>(&request);
    if (generation == nullptr) continue;
    const auto answers = items * generation->samples + answers_drawn(settings, items);
    checked.generated_tokens += answers * generation->max_new_tokens;
  }
}

/// The same for all tasks of one settings entry, with the first of the plan's seeds.
void count_requests(const MeasureSettings& entry, std::uint64_t seed, const RunTools& tools, CheckedPlan& checked) {
  const auto settings = measured_with({entry}, seed).front();
  for (const auto& name : settings.tasks) {
    for (const auto& leaf : tools.tasks->expand(name)) check_files(tools.tasks->tasks.get(leaf), *tools.data);
  }
  for (const auto& leaf : measured_tasks(settings, *tools.tasks, *tools.data)) {
    count_task(leaf, settings, tools, checked);
  }
}

/// Tasks, files and models that the texts of a recipe's stages name.
struct Sources {
  std::set<std::string> tasks;  ///< and groups of tasks
  std::set<std::string> files;  ///< those that exist
  std::set<fs::path> models;    ///< checkpoint and adapter folders, from here or beside the cell's model
};

void collect_sources(const Json& value, const PlannedCell& cell, const RunTools& tools, Sources& sources) {
  for (const auto& member : value) {
    if (member.is_structured()) collect_sources(member, cell, tools, sources);
    if (!member.is_string()) continue;
    const auto text = member.get<std::string>();
    std::error_code none;
    if (tools.tasks->tasks.has(text) || tools.tasks->groups.has(text)) {
      sources.tasks.insert(text);
      continue;
    }
    if (fs::is_regular_file(text, none)) sources.files.insert(text);
    if (text.empty()) continue;
    if (const auto folder = find_checkpoint(text, cell.model, /*adapters=*/true)) sources.models.insert(*folder);
  }
}

/// What is trained on what, whatever the seed: the hashes of all that a recipe's stages read.
std::vector<std::string> trained_parts(const PlannedCell& cell, const RunTools& tools) {
  std::vector<std::string> parts = {"cell 3", cell.model_hash, cell.method};
  const auto add = [&](std::string text) { parts.push_back(std::move(text)); };
  const auto stages = parse_json(cell.recipe_json, cell.method)["stages"];  // but not its texts about the paper
  add(nlohmann::json(stages).dump());
  Sources sources{.tasks = {cell.train_on}, .files = {}, .models = {}};
  collect_sources(stages, cell, tools, sources);
  for (const auto& source : sources.tasks) {
    for (const auto& leaf : tools.tasks->expand(source)) {
      const Task& task = tools.tasks->tasks.get(leaf);
      add(leaf);
      add(task.version);
      add(task_data_hash(task, *tools.data));
    }
  }
  for (const auto& file : sources.files) add(sha256_file(file));
  for (const auto& folder : sources.models) add("model " + tools.backend->inspect(folder).model_hash);
  return parts;
}

/// Everything that can change the result of a cell; `trained` is trained_parts().
std::string cell_key(const Plan& plan, const std::vector<std::string>& trained, std::uint64_t seed) {
  Sha256 digest;
  const auto add = [&](const std::string& text) { digest.add(std::to_string(text.size())).add(":").add(text); };
  for (const auto& part : trained) add(part);
  add(std::to_string(seed));
  add(plan.dtype);
  add(plan.save_dtype);
  add(plan.device);
  add(std::to_string(plan.threads));
  add(plan.trains_with_chat() ? "chat" : "plain");
  if (plan.choose) {
    for (const auto& band : plan.choose->bands) add(fmt::format("{} {} {}", band.benchmark, band.low, band.high));
    for (const auto& settings : plan.choose->measure_on) {
      add(join(settings.tasks, ",") + settings_json(settings) + (settings.fresh ? "fresh" : ""));
    }
  }
  return digest.hex();
}

/// The recipes of a plan's methods, each read once, by path.
using Recipes = std::map<std::string, Json>;

const Json& recipe_of(const PlannedMethod& method, const RunTools& tools, Recipes& recipes) {
  const auto path = tools.resources->method(method.recipe);
  const auto found = recipes.find(path.string());
  return found != recipes.end() ? found->second : recipes.emplace(path.string(), read_json(path)).first->second;
}

/// A method's recipe with its own overrides, and with those of the plan for which it has a stage.
std::string resolved_recipe(const Plan& plan, const PlannedMethod& method, const RunTools& tools, Recipes& recipes) {
  const auto& recipe = recipe_of(method, tools, recipes);
  const auto where = tools.resources->method(method.recipe).filename().string();
  require(recipe.is_object() && recipe.contains("stages") && recipe["stages"].is_array(), Fault::config, [&] {
    return where + ": found " + shown_json(recipe) + ", expected an object with method, paper and a list of stages";
  });
  auto set = method.set;
  for (const auto& [key, value] : plan.set) {
    if (recipe_has_stage(recipe, key)) set.emplace(key, value);
  }
  return override_recipe(recipe, set, where).dump();
}

/// Each of the plan's overrides must reach some method. Adds a note on the methods that an override does not reach.
void check_set(const RunTools& tools, Recipes& recipes, CheckedPlan& checked) {
  const Plan& plan = checked.plan;
  for (const auto& [key, value] : plan.set) {
    std::vector<std::string> without;
    std::vector<std::string> known;
    for (const auto& method : plan.methods) {
      const auto& recipe = recipe_of(method, tools, recipes);
      const auto stages = recipe_stage_names(recipe);
      known.insert(known.end(), stages.begin(), stages.end());
      if (!recipe_has_stage(recipe, key)) without.push_back(method.name);
    }
    require(without.size() < plan.methods.size(), Fault::config, [&, name = key] {
      return plan.where + ": set '" + name +
             "': " + unknown_name("stage of the plan's methods", name.substr(0, name.find('.')), known);
    });
    if (!without.empty())
      checked.notes.push_back("set '" + key + "' does not concern " + join(without, ", ") + ", without such a stage");
  }
}

void add_cells(const fs::path& model, const CheckpointInfo& info, const RunTools& tools, const fs::path& work,
               Recipes& recipes, CheckedPlan& checked) {
  const Plan& plan = checked.plan;
  for (const auto& method : plan.methods) {
    const auto key = "method '" + method.name + "'";
    const auto recipe = at_key(plan, key, [&] { return resolved_recipe(plan, method, tools, recipes); });
    for (const auto& train_on : plan.train_on) {
      PlannedCell like;
      like.model = model;
      like.model_hash = info.model_hash;
      like.recipe = tools.resources->method(method.recipe);
      like.method = method.name;
      like.recipe_json = recipe;
      like.train_on = train_on;
      const auto trained = trained_parts(like, tools);
      for (const auto seed : plan.seeds) {
        auto cell = like;
        cell.seed = seed;
        cell.label = fmt::format("{} on {}, seed {}", cell.method, train_on, seed);
        if (plan.models.size() > 1) cell.label = model.filename().string() + ": " + cell.label;
        cell.key = cell_key(plan, trained, seed);
        if (seed == plan.seeds.front()) {
          at_key(plan, key, [&] { tools.backend->check_recipe(train_job_of(plan, cell, tools, work)); });
        }
        checked.cells.push_back(std::move(cell));
      }
    }
  }
}

void require_known(const std::string& what, const std::string& name, const std::vector<std::string>& names) {
  require(std::count(names.begin(), names.end(), name) > 0, Fault::config,
          [&] { return unknown_name(what, name, names); });
}

void check_metric(const std::string& metric, const Task& task, const CheckedPlan& checked) {
  if (metric.empty()) return;
  std::vector<std::string> names;
  if (const auto found = checked.further_metrics.find(task.name); found != checked.further_metrics.end()) {
    names = found->second;
  }
  for (const auto& one : task.metrics) names.push_back(one.name);
  require_known("metric of '" + task.name + "'", metric, names);
}

/// Checks that the plan trains on and measures what a claim is about.
void check_quantity(const Quantity& quantity, const CheckedPlan& checked, const RunTools& tools,
                    const std::map<std::string, std::set<std::size_t>>& measured) {
  const Plan& plan = checked.plan;
  if (!quantity.train_on.empty()) require_known("training task of the plan", quantity.train_on, plan.train_on);
  require(!quantity.key.ends_with(".peak_bytes") || plan.jobs == 1, Fault::config, [&] {
    return "a claim of '" + quantity.key + "' needs \"jobs\": 1, found " + std::to_string(plan.jobs) +
           ": cells side by side share the memory that is measured";
  });
  if (quantity.task.empty()) return;
  const auto claimed = quantity.task == trained_name ? plan.train_on : std::vector<std::string>{quantity.task};
  for (const auto& name : claimed) {
    std::vector<std::string> names;
    for (const auto& [known, entries] : measured) names.push_back(known);
    require_known("measured benchmark of the plan", name, names);
    require(measured.at(name).size() == 1, Fault::config, [&] {
      return "'" + name + "' is measured by " + std::to_string(measured.at(name).size()) +
             " entries of measure_on, expected one: a claim could not tell them apart";
    });
    for (const auto& leaf : tools.tasks->expand(name)) {
      check_metric(quantity.metric, tools.tasks->tasks.get(leaf), checked);
    }
  }
}

/// A claim may refer only to what the plan runs and measures.
void check_claims(const CheckedPlan& checked, const RunTools& tools) {
  const Plan& plan = checked.plan;
  std::vector<std::string> methods;
  for (const auto& method : plan.methods) methods.push_back(method.name);
  // Results stand under these names; entries of measure_on that hold one.
  std::map<std::string, std::set<std::size_t>> measured;
  for (std::size_t at = 0; at < plan.measure_on.size(); ++at) {
    for (const auto& name : plan.measure_on[at].tasks) {
      for (const auto& leaf : tools.tasks->expand(name)) measured[tools.tasks->benchmark(leaf)].insert(at);
    }
  }
  for (const auto& claim : plan.claims) {
    for (const auto& method : claim.methods) {
      if (method != base_name) require_known("method of the plan", method, methods);
    }
    for (const auto& quantity : claim.quantities) check_quantity(quantity, checked, tools, measured);
  }
}

/// Checks "about": it names a method that comes with the program, or one of the plan's own.
void check_about(const Plan& plan, const RunTools& tools) {
  if (plan.about.empty()) return;
  auto known = tools.resources->methods();
  for (const auto& method : plan.methods) known.push_back(fs::path(method.recipe).stem().string());
  require_known("method", plan.about, known);
}

/// Checks what `--tune` would measure now, and not only after the plan's own cells have run.
void check_tuning_measures(const RunTools& tools, CheckedPlan& checked) {
  if (!checked.plan.tune) return;
  const auto tuning = tuning_plan(checked.plan);
  for (std::size_t i = 0; i < tuning.measure_on.size(); ++i) {
    CheckedPlan counted;  // counts of the tuning's cells, kept apart from the plan's
    at_key(tuning, "measure_on " + std::to_string(i),
           [&] { count_requests(tuning.measure_on[i], tuning.seeds.front(), tools, counted); });
    checked.media_tasks.merge(counted.media_tasks);
  }
}

/// What is tuned must be seen: the tuning measures something of each task that the plan trains on.
void check_tuning_sees(const RunTools& tools, const CheckedPlan& checked) {
  if (!checked.plan.tune) return;
  const auto tuning = tuning_plan(checked.plan);
  std::set<std::string> measured;
  for (const auto& settings : tuning.measure_on) {
    for (const auto& name : settings.tasks) {
      for (const auto& leaf : tools.tasks->expand(name)) measured.insert(tools.tasks->family(leaf));
    }
  }
  for (const auto& name : checked.plan.train_on) {
    require(measured.count(tools.tasks->family(name)) != 0, Fault::config, [&] {
      return checked.plan.where + ": key 'tune': its measure_on holds nothing of '" + name +
             "', which the plan trains on: no gain on it could be seen";
    });
  }
}

/// Checks "choose": its measures, and that each band is of a benchmark that they measure.
void check_choosing(const RunTools& tools, CheckedPlan& checked) {
  if (!checked.plan.choose) return;
  std::set<std::string> measured;
  std::set<std::pair<std::string, Split>> results;
  for (const auto& settings : checked.plan.measure_on) {
    for (const auto& name : settings.tasks) {
      for (const auto& leaf : tools.tasks->expand(name))
        results.insert({leaf, settings.split_of(tools.tasks->tasks.get(leaf))});
    }
  }
  for (const auto& settings : checked.plan.choose->measure_on) {
    for (const auto& name : settings.tasks) {
      for (const auto& leaf : tools.tasks->expand(name)) {
        const auto split = settings.split_of(tools.tasks->tasks.get(leaf));
        require(results.count({leaf, split}) == 0, Fault::config, [&] {
          return checked.plan.where + ": key 'choose': found the " + split_name(split) + " split of '" + leaf +
                 "', on which results are measured, too, expected another \"split\"";
        });
      }
    }
  }
  for (const auto& settings : checked.plan.choose->measure_on) {
    CheckedPlan counted;  // counts of the choice, kept apart from the plan's
    at_key(checked.plan, "key 'choose': measure_on",
           [&] { count_requests(settings, checked.plan.seeds.front(), tools, counted); });
    checked.media_tasks.merge(counted.media_tasks);
    measured.insert(settings.tasks.begin(), settings.tasks.end());
  }
  for (const auto& band : checked.plan.choose->bands) {
    require(measured.count(band.benchmark) != 0, Fault::config, [&] {
      return checked.plan.where + ": key 'choose': key 'bands': '" + band.benchmark +
             "' is not measured; its measure_on has " +
             join(std::vector<std::string>(measured.begin(), measured.end()), ", ");
    });
  }
}

/// Checks every value that `--tune` would try on this model, with the first training task.
void check_tuned_values(const Plan& plan, const fs::path& model, const RunTools& tools, const fs::path& work,
                        Recipes& recipes) {
  if (!plan.tune) return;
  const auto tuning = tuning_plan(plan);
  for (const auto& method : tuning.methods) {
    PlannedCell cell;
    cell.model = model;
    cell.recipe = tools.resources->method(method.recipe);
    cell.key = "tuning";
    cell.train_on = tuning.train_on.front();
    cell.seed = tuning.seeds.front();
    at_key(tuning, "method '" + method.name + "'", [&] {
      cell.recipe_json = resolved_recipe(tuning, method, tools, recipes);
      tools.backend->check_recipe(train_job_of(tuning, cell, tools, work));
    });
  }
}

void check_room(CheckedPlan& checked, const fs::path& work) {
  const auto memory = available_memory();
  require(checked.memory_bytes <= memory, Fault::config, [&] {
    return fmt::format("plan '{}' needs about {} of memory with {} jobs at a time, and {} is free: set \"jobs\" lower",
                       checked.plan.name, bytes_text(static_cast<double>(checked.memory_bytes)), checked.jobs,
                       bytes_text(static_cast<double>(memory)));
  });
  const auto disk = free_disk(work);
  require(checked.disk_bytes <= disk, Fault::config, [&] {
    return fmt::format("plan '{}' needs about {} of disk below {}, and {} is free", checked.plan.name,
                       bytes_text(static_cast<double>(checked.disk_bytes)), work.string(),
                       bytes_text(static_cast<double>(disk)));
  });
}

}  // namespace

fs::path cell_folder(const fs::path& work, const PlannedCell& cell) { return work / cell.key.substr(0, 16); }

fs::path model_folder(const fs::path& cell) { return cell / "model"; }

TrainJob train_job_of(const Plan& plan, const PlannedCell& cell, const RunTools& tools, const fs::path& work) {
  TrainJob job;
  job.recipe = cell.recipe;
  job.recipe_json = cell.recipe_json;
  job.model = cell.model;
  job.train_on = cell.train_on;
  job.seed = cell.seed;
  job.device = plan.device;
  job.dtype = plan.dtype;
  job.save_dtype = plan.save_dtype;
  job.threads = plan.threads;
  job.work = cell_folder(work, cell);
  job.out = model_folder(job.work);
  job.save_every_steps = plan.save_every_steps;
  job.chat = plan.trains_with_chat();
  job.code_version = tools.environment.code_version;
  job.tasks = tools.tasks;
  job.data = tools.data;
  return job;
}

CheckedPlan check_plan(const Plan& plan, const RunTools& tools, const fs::path& work) {
  CheckedPlan checked;
  checked.plan = plan;
  Recipes recipes;
  at_key(plan, "key 'methods'", [&] {
    for (const auto& method : plan.methods) recipe_of(method, tools, recipes);
  });
  check_set(tools, recipes, checked);
  at_key(plan, "key 'train_on'", [&] {
    for (const auto& name : plan.train_on) {
      for (const auto& leaf : tools.tasks->expand(name)) check_files(tools.tasks->tasks.get(leaf), *tools.data);
    }
  });
  require(!asks_fresh(plan) || std::count(plan.seeds.begin(), plan.seeds.end(), 0U) == 0, Fault::config, [&] {
    return plan.where + ": key 'seeds': found 0, expected seeds of at least 1 where a measurement is \"fresh\": " +
           "0 stands for each task's own questions";
  });
  for (std::size_t i = 0; i < plan.measure_on.size(); ++i) {
    at_key(plan, "measure_on " + std::to_string(i),
           [&] { count_requests(plan.measure_on[i], plan.seeds.front(), tools, checked); });
  }
  at_key(plan, "key 'about'", [&] { check_about(plan, tools); });
  at_key(plan, "key 'claims'", [&] { check_claims(checked, tools); });
  check_tuning_measures(tools, checked);
  check_choosing(tools, checked);
  const int cores = std::max(1, tbb::info::default_concurrency());  // CPUs that this process may run on
  checked.jobs = plan.jobs > 0 ? plan.jobs : std::max(1, cores / plan.threads);
  for (const auto& name : plan.models) {
    const auto folder =
        at_key(plan, "key 'models'", [&] { return tools.resources->model(name, tools.data->folders()); });
    const auto info = tools.backend->inspect(folder);
    for (const auto& [kind, task] : checked.media_tasks) {
      require(info.media.count(kind) != 0, Fault::config, [&, kind = kind, task = task] {
        return plan.where + ": key 'models': '" + name + "' (family " + info.family + ") takes no " +
               facts_of(kind).plural + ", and '" + task + "', which the plan measures, shows them";
      });
    }
    checked.models.push_back(folder);
    const auto before = checked.cells.size();
    add_cells(folder, info, tools, work, recipes, checked);
    check_tuned_values(plan, folder, tools, work, recipes);
    const auto cells = static_cast<double>(checked.cells.size() - before);
    const auto parameters = static_cast<double>(info.parameters);
    // Weights, gradients and two moments in float32, a frozen reference model, the base that metrics compare with, and
    // room for activations.
    const bool compared = std::any_of(plan.measure_on.begin(), plan.measure_on.end(), compares);
    const double job_bytes = parameters * (compared ? 24 : 20) + 3e8;
    checked.memory_bytes = std::max(checked.memory_bytes, static_cast<std::int64_t>(job_bytes * checked.jobs));
    checked.disk_bytes += static_cast<std::int64_t>(parameters * 4 * (plan.keep_models ? cells : checked.jobs) +
                                                    parameters * 24 * checked.jobs + 2e7);
    const double tokens = static_cast<double>(checked.prompt_tokens) + static_cast<double>(checked.generated_tokens);
    const double forwards = static_cast<double>(checked.generated_tokens) / 16 + tokens / plan.batch_tokens;
    const double measuring = 2 * parameters * tokens / flops_a_second + forwards * seconds_a_forward;
    const double bases = asks_fresh(plan) ? static_cast<double>(plan.seeds.size()) : 1.0;
    checked.seconds += measuring * (cells / checked.jobs + bases) + cells * 5 / checked.jobs;
  }
  check_tuning_sees(tools, checked);
  check_room(checked, work);
  return checked;
}

std::string describe(const CheckedPlan& checked) {
  const Plan& plan = checked.plan;
  std::string notes;
  for (const auto& note : checked.notes) notes += "\n" + note;
  return fmt::format(
             "plan '{}': {} model(s) x {} method(s) x {} training task(s) x {} seed(s) = {} cells, {} side by side\n"
             "each measurement: {} requests, about {:.1f} k prompt tokens and at most {:.1f} k generated ones, those "
             "of "
             "further metrics included; {}\n"
             "about {} of memory, {} of disk; measuring takes roughly {} at the longest (training comes on top){}",
             plan.name, plan.models.size(), plan.methods.size(), plan.train_on.size(), plan.seeds.size(),
             checked.cells.size(), checked.jobs, checked.requests, static_cast<double>(checked.prompt_tokens) / 1e3,
             static_cast<double>(checked.generated_tokens) / 1e3,
             asks_fresh(plan) ? "the base is measured with the questions of each seed" : "the base is measured once",
             bytes_text(static_cast<double>(checked.memory_bytes)), bytes_text(static_cast<double>(checked.disk_bytes)),
             duration_text(checked.seconds),
             plan.keep_records ? "\nrecords that stages make are kept beside that; \"keep_records\": false removes them"
                               : "") +
         notes;
}

}  // namespace touchstone
