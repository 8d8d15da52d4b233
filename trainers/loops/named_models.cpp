#include "trainers/loops/named_models.hpp"

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/recipe/recipe_file.hpp"
#include "trainers/deltas/trainable.hpp"

namespace touchstone {

std::filesystem::path checkpoint_folder(const TrainJob& job, const std::string& from, bool adapters) {
  auto folder = find_checkpoint(from, job.model, adapters);
  require(folder.has_value(), Fault::config,
          [&] { return "'" + from + "' is not a checkpoint folder, neither here nor beside " + job.model.string(); });
  return *folder;
}

void add_to_config(Session& session, std::initializer_list<std::string> path, const std::string& value) {
  auto config = parse_json(session.config_json, "training job");
  auto* place = &config;
  for (const auto& key : path) place = &(*place)[key];
  *place = value;
  session.config_json = config.dump();
}

void require_whole_weights(const Session& session, const std::string& what) {
  require(!session.model->soft_prompt().defined() && delta_parameters(*session.model).empty(), Fault::config, [&] {
    return "the model carries an adapter, expected whole weights for " + what + ": let the stage 'fold' come before";
  });
}

}  // namespace touchstone
