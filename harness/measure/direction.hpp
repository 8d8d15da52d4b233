#pragma once
#include <string>

namespace touchstone {

/// The one rule for metrics of which less is better. Inside the program a difference is positive where it is better,
/// whatever the metric; a reader sees such a metric's own direction, in words, because a sign would mislead.

/// "lower is better" of such a metric, else nothing.
std::string direction_note(bool higher_is_better);

/// A difference in words: "+17.9 points"; where lower is better "17.9 points lower". `better` is positive where it is
/// better, and 0 where it rounds to nothing; `magnitude` is its size as text, `unit` may be empty.
std::string difference_words(double better, const std::string& magnitude, const std::string& unit,
                             bool higher_is_better);

}  // namespace touchstone
