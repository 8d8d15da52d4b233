#pragma once
#include "backends/book.hpp"
#include "harness/model/checkpoint.hpp"

namespace touchstone::testing {

/// Checkpoints with every family of the program.
inline std::unique_ptr<Checkpoints> all_families() {
  static const FamilyBook book = [] {
    FamilyBook filled{"family"};
    add_backends(filled);
    return filled;
  }();
  return make_checkpoints(book);
}

}  // namespace touchstone::testing
