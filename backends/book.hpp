#pragma once
#include <memory>

#include "harness/model/checkpoint.hpp"
#include "harness/model/family.hpp"

namespace touchstone {

/// Adds every family of backends/families to the book (the build writes the function).
void add_backends(FamilyBook& book);

/// Checkpoints whose models are built by the families of `book`, which must outlive it.
std::unique_ptr<Checkpoints> make_checkpoints(const FamilyBook& book);

}  // namespace touchstone
