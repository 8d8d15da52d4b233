#pragma once
#include <string>
#include <vector>

namespace touchstone {

/// Variants of a solution with worked steps "<<5+3=8>>8" (as in GSM8K), each wrong in one step of two whole numbers:
/// its operator is exchanged for the opposite, or a number is one more or less. Later steps are recomputed and written
/// anew: where a result changed, the new one replaces it everywhere later, up to the last line. Variants that divide
/// with a remainder or fall below zero on the way are left out.
std::vector<std::string> changed_steps(const std::string& solution);

}  // namespace touchstone
