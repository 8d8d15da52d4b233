#pragma once
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace touchstone {

/// The name in the stages' registry that a stage of a recipe file uses: {"use": "train", ...} or "train"; empty when it
/// has none.
std::string recipe_stage_name(const nlohmann::ordered_json& stage);

/// The names of all stages, in order; empty when the file is no recipe.
std::vector<std::string> recipe_stage_names(const nlohmann::ordered_json& recipe);

/// Whether the recipe has a stage that fits an override's key: for "train.max_steps" any such stage, for
/// "train#2.max_steps" a second one.
bool recipe_has_stage(const nlohmann::ordered_json& recipe, const std::string& key);

/// The recipe with values set in its stages: "train.learning_rate" -> JSON text, for every stage of that name;
/// "train#2.learning_rate" for the second one only, where it wins over a value for all of them.
/// Placeholders ("$train_on", "$seed") stay. Throws Fault::config naming `where` and key: for an override that fits
/// no stage, or a path through a value that is no object.
nlohmann::ordered_json override_recipe(nlohmann::ordered_json recipe, const std::map<std::string, std::string>& set,
                                       const std::string& where);

/// The checkpoint folder that a text of a recipe names: that folder, or one of this name beside `model`. It holds
/// config.json or, with `adapters`, adapter_config.json. None where neither does.
std::optional<std::filesystem::path> find_checkpoint(const std::string& name, const std::filesystem::path& model,
                                                     bool adapters);

}  // namespace touchstone
