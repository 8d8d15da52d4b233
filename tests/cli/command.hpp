#pragma once
#include <string>
#include <vector>

namespace touchstone::testing {

/// What one run of the program gave.
struct CommandResult {
  int code = 0;
  std::string out;
  std::string err;
};

/// Runs the command line in this process ("eval --model X"), words as given.
CommandResult touchstone_command(const std::vector<std::string>& words);

}  // namespace touchstone::testing
