#include "harness/train/recipe.hpp"

#include <set>

#include "harness/base/json.hpp"
#include "harness/base/object_reader.hpp"
#include "harness/model/backend.hpp"
#include "harness/recipe/recipe_file.hpp"
#include "harness/recipe/recipe_page.hpp"

namespace touchstone {
namespace {

bool is_placeholder(const std::string& text) {
  return text.size() > 1 && text.front() == '$' &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", 1) == std::string::npos;
}

/// Puts values in the place of "$train_on" and "$seed", at any depth.
void fill_placeholders(Json& value, const std::string& where, const RecipeSettings& settings) {
  if (value.is_structured()) {
    for (auto& member : value) fill_placeholders(member, where, settings);
    return;
  }
  if (!value.is_string() || !is_placeholder(value.get_ref<const std::string&>())) return;
  const auto text = value.get<std::string>();
  if (text == "$train_on") {
    require(!settings.train_on.empty(), Fault::config,
            [&] { return where + ": found $train_on, but no task to train on is given (--on TASK)"; });
    value = settings.train_on;
  } else if (text == "$seed") {
    value = settings.seed;
  } else {
    throw Error(Fault::config, where + ": found placeholder '" + text + "', expected $train_on or $seed");
  }
}

/// Checks that earlier stages leave what each stage needs.
void check_flow(const Recipe& recipe, const std::string& where) {
  std::set<std::string> there;
  for (std::size_t at = 0; at < recipe.stages.size(); ++at) {
    const auto& stage = recipe.stages[at];
    for (const auto& need : stage.needs) {
      require(there.count(need) != 0, Fault::config, [&] {
        const std::vector<std::string> known(there.begin(), there.end());
        return where + ": stage " + std::to_string(at) + " (" + stage.name + ") needs " + need +
               ", which no earlier stage makes" + (known.empty() ? "" : "; they make: " + join(known, ", "));
      });
    }
    there.insert(stage.gives.begin(), stage.gives.end());
  }
}

Stage make_stage(const Json& config, const std::string& where, const TrainerBook& book) {
  const Json object = config.is_string() ? Json{{"use", config}} : config;
  auto stage = make_use(Options(object, where), book.stages, book);
  stage.name = recipe_stage_name(object);
  stage.options = nlohmann::json(object).dump();
  return stage;
}

}  // namespace

Recipe read_recipe(const Json& config, const std::string& where, const RecipeSettings& settings,
                   const TrainerBook& book) {
  require(config.is_object(), Fault::config, [&] {
    return where + ": found " + shown_json(config) + ", expected an object with method, paper and stages";
  });
  const auto found = config.find("stages");
  require(found != config.end() && found->is_array() && !found->empty(), Fault::config,
          [&] { return where + ": key 'stages': expected a list with at least one stage"; });
  Json resolved = override_recipe(config, settings.set, where);
  auto& stages = resolved["stages"];
  fill_placeholders(stages, where, settings);
  Recipe recipe;
  recipe.method = read_recipe_page(resolved, where).method;
  for (std::size_t at = 0; at < stages.size(); ++at) {
    const auto use = recipe_stage_name(stages[at]);
    recipe.stages.push_back(
        make_stage(stages[at], where + ": stage " + std::to_string(at) + (use.empty() ? "" : " (" + use + ")"), book));
  }
  check_flow(recipe, where);
  recipe.json = nlohmann::json(stages).dump();
  return recipe;
}

Recipe read_recipe(const TrainJob& job, const TrainerBook& book) {
  const auto where = job.recipe.filename().string();
  const auto config = job.recipe_json.empty() ? read_json(job.recipe) : parse_json(job.recipe_json, where);
  auto recipe = read_recipe(config, where, {job.train_on, job.seed, job.set}, book);
  for (std::size_t at = 0; at < recipe.stages.size(); ++at) {
    const auto& stage = recipe.stages[at];
    if (!stage.check) continue;
    try {
      stage.check(job);
    } catch (const Error& error) {
      throw error.in("in stage " + std::to_string(at) + " (" + stage.name + ") of " + where);
    }
  }
  return recipe;
}

namespace {

/// Describes each maker's options; `make` calls a maker with them.
template <class Maker, class Make>
Json describe(const Registry<Maker>& registry, const Make& make) {
  Json all = Json::array();
  for (const auto& name : registry.names()) {
    const auto& maker = registry.get(name);
    auto options = Options::describe(registry.kind() + " " + name);
    make(maker, options);
    Json keys = Json::array();
    for (const auto& spec : options.specs()) {
      Json key = {{"key", spec.key}, {"type", spec.type}, {"default", spec.fallback}, {"help", spec.help}};
      if (!spec.choices.empty()) key["choices"] = spec.choices;
      keys.push_back(std::move(key));
    }
    all.push_back({{"name", name}, {"summary", maker.summary}, {"options", std::move(keys)}});
  }
  return all;
}

}  // namespace

std::string describe_trainers(const TrainerBook& book) {
  const auto with_book = [&](const auto& maker, Options& options) { maker.make(options, book); };
  const auto alone = [](const auto& maker, Options& options) { maker.make(options); };
  return Json{{"objectives", describe(book.objectives, with_book)},
              {"stages", describe(book.stages, with_book)},
              {"rewards", describe(book.rewards, with_book)},
              {"procedures", describe(book.procedures, alone)},
              {"adapters", describe(book.adapters, alone)}}
      .dump();
}

}  // namespace touchstone
