#pragma once
#include <optional>
#include <string>

#include "tasks/micro/common.hpp"

namespace touchstone::micro {

/// A word problem with its worked solution.
struct Problem {
  std::string question;
  std::string answer;     ///< one line a step, "5+3=<<5+3=8>>8", and "#### 8"
  std::string structure;  ///< the numbers and operations without names and wording
  int steps = 0;
  bool new_operation = false;  ///< needs sharing, repeating or tripling, which no text of the corpus puts into words

  /// Equal structures are in one part, whatever their words.
  Part part() const { return part_of("problem|" + structure, {60, 25, 3}); }
};

/// The settings for drawing random problems.
struct ProblemRange {
  bool new_words = false;  ///< names and things that no training text has
  int start_first = 3;
  int start_last = 30;
  int change_last = 30;  ///< largest number gained or lost
  int value_last = 99;   ///< largest number on the way
  int events_first = 2;
  int events_last = 4;
  int steps_first = 2;
  int steps_last = 5;
};

/// A problem with at least one operation that the corpus lacks, or with none of them.
Problem draw_problem(const ProblemRange& range, bool new_operation, Draws& draws);

/// Draws until the problem lies in `part`.
Problem draw_problem(const ProblemRange& range, bool new_operation, Part part, Draws& draws);

/// "Question: ...\nAnswer:" as GSM8K asks.
std::string asked_problem(const Problem& problem);

/// Documents of the corpus.
std::string word_problems(Draws& draws);    ///< with worked solutions, as micro-gsm8k wants them
std::string styled_problems(Draws& draws);  ///< one problem answered in a style that is named: bare, short or full
std::string problem_results(Draws& draws);  ///< with the result alone
std::string sums(Draws& draws);             ///< drills of the four operations, half of them in the solutions' marks
std::string plain_sums(Draws& draws);       ///< the same without the marks

}  // namespace touchstone::micro
