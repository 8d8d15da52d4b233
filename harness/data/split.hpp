#pragma once
#include <optional>
#include <string>

#include "harness/data/task.hpp"

namespace touchstone {

/// The split with that name; none for any other text.
inline std::optional<Split> split_named(const std::string& name) {
  for (const auto split : {Split::train, Split::validation, Split::test, Split::dev}) {
    if (name == split_name(split)) return split;
  }
  return std::nullopt;
}

}  // namespace touchstone
