#pragma once
#include <string>
#include <vector>

namespace touchstone {

/// A solution with worked steps "<<5+3=8>>8" (as GSM8K writes them) made wrong in one of them: each operator exchanged
/// for its opposite, each number one more or less, for every step of two whole numbers. What follows is computed and
/// written anew: a result that became another one is the other one wherever it stands later, up to the last line.
/// Solutions are left out that divide with a rest, or come below zero, on the way.
std::vector<std::string> changed_steps(const std::string& solution);

}  // namespace touchstone
