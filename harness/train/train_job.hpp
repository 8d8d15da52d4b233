#pragma once
#include "harness/model/backend.hpp"
#include "harness/model/checkpoint.hpp"
#include "harness/train/stage.hpp"

namespace touchstone {

/// Reads the recipe of a job with every plug-in's own option reader, checks that its tasks, data and weights are there,
/// and throws at the first error. Nothing is run.
void check_train_job(const TrainJob& job, const Checkpoints& checkpoints, const TrainerBook& trainers);

/// The number format named by TrainJob::save_dtype. Throws Fault::config for one that is not written.
at::ScalarType saved_dtype(const std::string& name);

/// Runs a job from its checkpoint folder to its output folder, resuming from its work folder. The output is whole or
/// absent. Throws Cancelled, with everything saved, when the job is asked to stop.
TrainResult train_job(const TrainJob& job, const TrainHooks& hooks, const Checkpoints& checkpoints,
                      const TrainerBook& trainers);

}  // namespace touchstone
