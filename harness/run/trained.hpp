#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "harness/model/backend.hpp"

namespace touchstone {

/// Which training a cell's model came from.
struct TrainedBy {
  std::string key;           ///< of the cell
  std::string code_version;  ///< of the program that trained it
};

/// Writes what a training gave into the cell's folder (trained.json), so that a stop while its model is measured does
/// not train it again.
void keep_trained(const std::filesystem::path& cell, const TrainedBy& by, const TrainResult& result);

/// What keep_trained() wrote, when it is of this training and the model in the folder has the weights that it names;
/// else none.
std::optional<TrainResult> kept_training(const std::filesystem::path& cell, const TrainedBy& by, Backend& backend);

}  // namespace touchstone
