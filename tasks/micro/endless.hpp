#pragma once
#include <cstdint>
#include <string>

#include "harness/data/task.hpp"

namespace touchstone::micro {

/// Data for pre-training that has no end.
struct Endless {
  std::string name;
  std::string family;
  std::string summary;
  std::uint64_t sample = 0;  ///< documents of each split where a part is wanted: shown, measured
  /// Document `index` of a seed, a pure function of both: target, facts and pictures.
  Example (*draw)(std::uint64_t seed, std::uint64_t index) = nullptr;
};

/// The task that trains on whole documents and measures bits a byte on them. Documents are drawn on all cores. Their
/// identifiers contain seed and number, so that a run's rows can be made again.
Task endless_task(const Endless& data);

}  // namespace touchstone::micro
