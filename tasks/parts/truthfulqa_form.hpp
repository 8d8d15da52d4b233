#pragma once
#include <functional>
#include <string>
#include <vector>

#include "harness/data/task.hpp"
#include "tasks/parts/truthfulqa_data.hpp"

namespace touchstone {

/// Name and prompt of one edition of mc1 or mc2.
struct TruthfulForm {
  std::string name;
  std::string version;
  std::string summary;
  std::string primer;   ///< the text before every question, up to and with the last "Q: "
  double chance = 0.0;  ///< the score of guessing
};

/// mc1, or mc2 when `many`: which answer the model finds likeliest, or how much probability the true ones have. Source,
/// files and splits come from the caller.
Task truthful_choosing_task(const TruthfulForm& form, bool many,
                            std::function<std::vector<TruthfulChoice>(Split, const DataFolders&)> choices);

}  // namespace touchstone
