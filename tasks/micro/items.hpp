#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/draws.hpp"
#include "harness/data/task.hpp"
#include "tasks/micro/common.hpp"
#include "tasks/parts/rows.hpp"

// Shared by the benchmarks of the world: the source of their items, and the shifts of out-of-distribution editions.
namespace touchstone::micro {

inline constexpr const char* made_here = "made by the program from the words of its micro world";

/// Items of the splits of every task whose items are drawn; the train split's number is the task's own. Settings are
/// chosen on the validation split, so that no question decides both them and a result.
inline constexpr std::size_t test_items = 2500;
inline constexpr std::size_t tuning_items = 500;
inline std::size_t items_of(Split split, std::size_t train) {
  return split == Split::train ? train : split == Split::validation ? tuning_items : test_items;
}

/// The part of the world from which a split asks.
inline Part part_for(Split split) {
  return split == Split::train ? Part::train : split == Split::validation ? Part::tuning : Part::test;
}

/// The items that a task makes.
struct ItemSet {
  Split split = Split::test;
  std::uint64_t seed = 0;  ///< 0: the task's own
  bool train() const { return split == Split::train; }
  /// "test", or "test.7" with seed 7.
  std::string name() const { return split_name(split) + (seed == 0 ? "" : "." + std::to_string(seed)); }
  /// "maze/test.7/12"
  std::string id(const std::string& task, std::size_t number) const {
    return task + "/" + name() + "/" + std::to_string(number);
  }
  /// The draws of one kind of items: "maze.ood.test".
  Draws draws(const std::string& kind, bool shifted) const {
    return {seed, kind + (shifted ? ".ood." : ".") + split_name(split)};
  }
};

/// Throws Fault::data for a split that no task of the world has.
void check_split(const std::string& task, Split split);

/// A task's `load` that makes the examples of each split once and then hands out copies, because every cell of a plan
/// asks for them. Safe to use from several threads. `make` gets train, validation or test; other splits throw
/// Fault::data.
std::function<std::vector<Example>(Split, const DataFolders&)> made_once(
    const std::string& task, std::function<std::vector<Example>(Split)> make);

/// Sets the `load` and `draw` of a task whose items are drawn. Its own are made once, others whenever they are asked
/// for.
void draws_items(Task& task, std::function<std::vector<Example>(const ItemSet&)> make);

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
