#include "trainers/loops/named_models.hpp"

#include "harness/base/error.hpp"
#include "trainers/deltas/trainable.hpp"

namespace touchstone {

std::filesystem::path checkpoint_folder(const TrainJob& job, const std::string& from, bool adapters) {
  namespace fs = std::filesystem;
  for (const auto& folder : {fs::path(from), job.model.parent_path() / from}) {
    if (fs::is_regular_file(folder / "config.json")) return folder;
    if (adapters && fs::is_regular_file(folder / "adapter_config.json")) return folder;
  }
  throw Error(Fault::config, "'" + from + "' is no checkpoint folder, nor one beside " + job.model.string());
}

void require_whole_weights(const Session& session, const std::string& what) {
  require(!session.model->soft_prompt().defined() && delta_parameters(*session.model).empty(), Fault::config,
          [&] { return "the model carries an adapter, expected whole weights for " + what + ": fold it before"; });
}

}  // namespace touchstone
