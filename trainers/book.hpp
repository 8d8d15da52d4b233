#pragma once
#include "harness/train/stage.hpp"

namespace touchstone {

/// Adds every objective, stage, reward, procedure and adapter of this folder to the book (the build writes the
/// function).
void add_trainers(TrainerBook& book);

}  // namespace touchstone
