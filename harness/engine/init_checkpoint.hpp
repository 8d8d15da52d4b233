#pragma once
#include <string>

#include "harness/model/backend.hpp"
#include "harness/model/checkpoint.hpp"

namespace touchstone {

/// Backend::init.
std::string init_checkpoint(const InitJob& job, const Checkpoints& checkpoints, const FamilyBook& families);

}  // namespace touchstone
