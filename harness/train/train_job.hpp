#pragma once
#include "harness/model/backend.hpp"
#include "harness/model/checkpoint.hpp"
#include "harness/train/stage.hpp"

namespace touchstone {

/// Reads the recipe of a job with every plug-in's own option reader, looks for its tasks, data and weights, and throws
/// on the first thing wrong. Nothing is run.
void check_train_job(const TrainJob& job, const Checkpoints& checkpoints, const TrainerBook& trainers);

/// Runs a job from its checkpoint folder to its output folder, going on from what lies in its work folder. The output
/// is whole or absent. Throws Cancelled, with everything saved, when the job is asked to stop.
TrainResult train_job(const TrainJob& job, const TrainHooks& hooks, const Checkpoints& checkpoints,
                      const TrainerBook& trainers);

}  // namespace touchstone
