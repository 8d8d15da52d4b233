#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "harness/data/task.hpp"
#include "tasks/parts/rows.hpp"

// What the benchmarks of the world share: where their items come from, and how out-of-distribution editions shift.
namespace touchstone::micro {

inline constexpr const char* kMadeHere = "made by the program from the words of its micro world";

/// train or test. Throws Fault::data for a split that the tasks of the world have not.
Split checked_split(const std::string& task, Split split);

/// A document of a made data set, as readers of files give it.
Row made_row(const std::string& task, Json document);

/// What a shifted edition changes: item `index` of it.
enum class Shift : std::uint8_t {
  names,    ///< names and things that no training text has
  numbers,  ///< larger numbers, other letters
  length    ///< more steps
};
const char* shift_name(Shift shift);
Shift shift_of(std::size_t index);

/// Version, source and splits that all tasks of the world have in common; shots come from the train split.
void belongs_to_world(Task& task);

}  // namespace touchstone::micro
