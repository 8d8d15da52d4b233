#pragma once
#include <string>

#include "harness/run/runner.hpp"
#include "harness/run/scoring.hpp"

namespace touchstone {

/// The folder of the checkpoints that a cell's training kept whole on its way ("keep_every_steps" of the stage
/// `train`), below the cell's folder.
std::filesystem::path kept_folder(const std::filesystem::path& cell);

/// Of the trained model of a cell and the checkpoints kept on its way, leaves the last one whose scores all lie in the
/// plan's bands as the cell's model; gives the optimizer step that it is of, `steps` for the trained model. Earlier
/// ones are measured only while later ones lie outside. Throws Fault::config, with every score of the trained model and
/// its band, when none lies within.
/// `tools.work` is the cell's folder.
std::int64_t choose_checkpoint(const Plan& plan, const PlannedCell& cell, std::int64_t steps,
                               const ScoringTools& tools);

}  // namespace touchstone
