#pragma once
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace touchstone {

/// Which word of the stages' registry a stage of a recipe file uses: {"use": "train", ...} or "train"; empty when it
/// has none.
std::string recipe_stage_name(const nlohmann::ordered_json& stage);

/// Those of all stages, in order. Nothing when the file is no recipe.
std::vector<std::string> recipe_stage_names(const nlohmann::ordered_json& recipe);

/// Whether the recipe has a stage that an override's key means: "train.max_steps" any such stage, "train#2.max_steps" a
/// second one.
bool recipe_has_stage(const nlohmann::ordered_json& recipe, const std::string& key);

/// The recipe with values put into its stages: "train.learning_rate" -> JSON text, for every stage of that name;
/// "train#2.learning_rate" for the second one alone, whatever is said for all of them.
/// Placeholders ("$train_on", "$seed") stay. Throws Fault::config naming `where` and key: an override that touches
/// nothing, a path through something that is no object.
nlohmann::ordered_json override_recipe(nlohmann::ordered_json recipe, const std::map<std::string, std::string>& set,
                                       const std::string& where);

}  // namespace touchstone
