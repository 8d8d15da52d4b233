#pragma once
#include <string>
#include <vector>

#include "tasks/micro/common.hpp"

namespace touchstone::micro {

/// A small Python function: its description, its solution, and its tests.
struct Function {
  std::string name;    ///< of the function
  std::string prompt;  ///< up to and with the docstring's last line break
  std::string solution;
  std::string test;            ///< "def check(candidate):" with five assertions
  std::string composition;     ///< the steps without their numbers and letters
  int steps = 0;               ///< before the value is returned
  bool new_operation = false;  ///< has a step that the corpus never shows

  /// Equal compositions are in one part, whatever their wording and numbers.
  Part part() const { return part_of("function|" + composition, {40, 25, 7}); }
};

/// The settings for drawing random functions.
struct FunctionRange {
  bool new_names = false;   ///< of the function and its argument
  bool new_values = false;  ///< larger numbers, other letters and words
  int steps_first = 1;
  int steps_last = 2;
};

/// A function with at least one step that the corpus lacks, or with none of them.
Function draw_function(const FunctionRange& range, bool new_operation, Draws& draws);

/// Draws until the function lies in `part`.
Function draw_function(const FunctionRange& range, bool new_operation, Part part, Draws& draws);

/// Documents of the corpus.
std::string functions(Draws& draws);         ///< one or two functions
std::string function_results(Draws& draws);  ///< what a function that is described and not shown gives

}  // namespace touchstone::micro
