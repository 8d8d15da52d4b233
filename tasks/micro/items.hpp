#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/data/task.hpp"
#include "tasks/parts/rows.hpp"

// Shared by the benchmarks of the world: the source of their items, and the shifts of out-of-distribution editions.
namespace touchstone::micro {

inline constexpr const char* made_here = "made by the program from the words of its micro world";

/// A task's `load` that makes the examples of each split once and then hands out copies, because every cell of a plan
/// asks for them. Safe to use from several threads. `make` gets train or test; other splits throw Fault::data.
std::function<std::vector<Example>(Split, const DataFolders&)> made_once(
    const std::string& task, std::function<std::vector<Example>(Split)> make);

/// A document of a made data set, in the form that readers of files give.
DataRow made_row(const std::string& task, Json document);

/// The changes of a shifted edition, for its item `index`.
enum class Shift : std::uint8_t {
  names,    ///< names and things that no training text has
  numbers,  ///< larger numbers, other letters
  length    ///< more steps
};
const char* shift_name(Shift shift);
Shift shift_of(std::size_t index);

/// Sets version, source and splits, which all tasks of the world share; shots come from the train split.
void belongs_to_world(Task& task);

}  // namespace touchstone::micro
