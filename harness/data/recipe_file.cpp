#include "harness/data/recipe_file.hpp"

#include <set>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/text.hpp"

namespace touchstone {
namespace {

/// Sets stage[path[at]][...] = value; a bare name on the way reads as {"use": name}.
void set_path(Json& object, const std::vector<std::string>& path, std::size_t at, const Json& value) {
  auto& slot = object[path[at]];
  if (at + 1 == path.size()) {
    slot = value;
    return;
  }
  if (slot.is_string()) slot = Json{{"use", slot}};
  set_path(slot, path, at + 1, value);
}

void apply_override(Json& stages, const std::string& key, const std::string& text, const std::string& where) {
  const std::string place = where + ": set '" + key + "'";
  const auto path = split(key, '.');
  const bool named = path.size() >= 2 && std::set<std::string>(path.begin(), path.end()).count("") == 0;
  require(named, Fault::config, [&] { return place + ": expected STAGE.KEY, as in train.learning_rate"; });
  const Json value = parse_json(text, place);
  std::vector<std::string> uses;
  bool touched = false;
  for (auto& stage : stages) {
    uses.push_back(recipe_stage_name(stage));
    if (uses.back() != path.front()) continue;
    if (stage.is_string()) stage = Json{{"use", stage}};
    try {
      set_path(stage, path, 1, value);
    } catch (const Json::exception&) {
      throw Error(Fault::config, place + ": a part of that path is not an object in stage '" + path.front() + "'");
    }
    touched = true;
  }
  require(touched, Fault::config,
          [&] { return place + ": " + unknown_name("stage of this recipe", path.front(), uses); });
}

}  // namespace

std::string recipe_stage_name(const Json& stage) {
  if (stage.is_string()) return stage.get<std::string>();
  return stage.is_object() && stage.contains("use") && stage["use"].is_string() ? stage["use"].get<std::string>() : "";
}

std::vector<std::string> recipe_stage_names(const Json& recipe) {
  std::vector<std::string> names;
  if (!recipe.is_object() || !recipe.contains("stages")) return names;
  for (const auto& stage : recipe["stages"]) names.push_back(recipe_stage_name(stage));
  return names;
}

Json override_recipe(Json recipe, const std::map<std::string, std::string>& set, const std::string& where) {
  for (const auto& [key, text] : set) apply_override(recipe["stages"], key, text, where);
  return recipe;
}

}  // namespace touchstone
