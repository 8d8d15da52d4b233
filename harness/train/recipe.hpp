#pragma once
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "harness/train/stage.hpp"

namespace touchstone {

/// The values of a recipe's placeholders, and the changes that a plan makes to it.
struct RecipeSettings {
  std::string train_on;                    ///< "$train_on"
  std::uint64_t seed = 0;                  ///< "$seed"
  std::map<std::string, std::string> set;  ///< "train.learning_rate" -> JSON text: every stage of that name
};

/// Makes the stages of a method config. Throws Fault::config naming `where`, stage and key for whatever is wrong: an
/// unknown stage, key or objective, a value out of range, a data set or reference that no earlier stage leaves, an
/// override that touches nothing. Nothing is run.
Recipe read_recipe(const nlohmann::ordered_json& config, const std::string& where, const RecipeSettings& settings,
                   const TrainerBook& book);

/// The same for the config that a job names, including each stage's own check of the job.
Recipe read_recipe(const TrainJob& job, const TrainerBook& book);

/// JSON text {"objectives": [...], "stages": [...], "rewards": [...], "procedures": [...],
/// "adapters": [...]} with name, summary and options of each, for `show` and the docs.
std::string describe_trainers(const TrainerBook& book);

}  // namespace touchstone
