#include "harness/recipe/recipe_file.hpp"

#include <algorithm>
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

/// "train#2": the second stage of that name, counted from 1. "train": 0, for all of them. Anything else: -1.
struct StageWord {
  std::string name;
  long ordinal = 0;
};

StageWord stage_word(const std::string& word) {
  const auto mark = word.find('#');
  if (mark == std::string::npos) return {word, 0};
  const auto digits = word.substr(mark + 1);
  const bool number =
      !digits.empty() && digits.size() < 4 && digits.find_first_not_of("0123456789") == std::string::npos;
  return {word.substr(0, mark), number && digits != "0" ? std::stol(digits) : -1};
}

void apply_override(Json& stages, const std::string& key, const std::string& text, const std::string& where) {
  const std::string place = where + ": set '" + key + "'";
  const auto path = split(key, '.');
  const bool named = path.size() >= 2 && std::set<std::string>(path.begin(), path.end()).count("") == 0;
  require(named, Fault::config, [&] { return place + ": expected STAGE.KEY, for instance train.learning_rate"; });
  const Json value = parse_json(text, place);
  const auto word = stage_word(path.front());
  require(word.ordinal >= 0, Fault::config, [&] {
    return place + ": found '" + path.front() + "', expected STAGE#N with N from 1, for instance train#2.max_steps";
  });
  std::vector<std::string> uses;
  bool touched = false;
  long seen = 0;
  for (auto& stage : stages) {
    uses.push_back(recipe_stage_name(stage));
    if (uses.back() != word.name || (word.ordinal != ++seen && word.ordinal != 0)) continue;
    if (stage.is_string()) stage = Json{{"use", stage}};
    try {
      set_path(stage, path, 1, value);
    } catch (const Json::exception&) {
      throw Error(Fault::config, place + ": stage '" + path.front() + "' has no object at that path");
    }
    touched = true;
  }
  require(touched || seen == 0, Fault::config, [&] {
    return place + ": the recipe has stage '" + word.name + "' " +
           (seen == 1 ? "once" : std::to_string(seen) + " times") + ", so there is no " + path.front();
  });
  require(touched, Fault::config, [&] { return place + ": " + unknown_name("stage of this recipe", word.name, uses); });
}

}  // namespace

std::string recipe_stage_name(const Json& stage) {
  if (stage.is_string()) return stage.get<std::string>();
  return stage.is_object() && stage.contains("use") && stage["use"].is_string() ? stage["use"].get<std::string>() : "";
}

bool recipe_has_stage(const Json& recipe, const std::string& key) {
  const auto word = stage_word(key.substr(0, key.find('.')));
  const auto names = recipe_stage_names(recipe);
  const auto count = std::count(names.begin(), names.end(), word.name);
  return word.ordinal >= 0 && count > 0 && count >= word.ordinal;
}

std::vector<std::string> recipe_stage_names(const Json& recipe) {
  std::vector<std::string> names;
  if (!recipe.is_object() || !recipe.contains("stages")) return names;
  for (const auto& stage : recipe["stages"]) names.push_back(recipe_stage_name(stage));
  return names;
}

Json override_recipe(Json recipe, const std::map<std::string, std::string>& set, const std::string& where) {
  // An override for one stage wins over an override for all stages of that name.
  const auto single = [](const std::string& key) {
    return key.substr(0, key.find('.')).find('#') != std::string::npos;
  };
  for (const bool one : {false, true}) {
    for (const auto& [key, text] : set) {
      if (single(key) == one) apply_override(recipe["stages"], key, text, where);
    }
  }
  return recipe;
}

std::optional<std::filesystem::path> find_checkpoint(const std::string& name, const std::filesystem::path& model,
                                                     bool adapters) {
  namespace fs = std::filesystem;
  std::error_code none;
  for (const auto& folder : {fs::path(name), model.parent_path() / name}) {
    if (fs::is_regular_file(folder / "config.json", none)) return folder;
    if (adapters && fs::is_regular_file(folder / "adapter_config.json", none)) return folder;
  }
  return std::nullopt;
}

}  // namespace touchstone
