// The command line and all of harness that sees no tensor, linked without tasks/ and reports/: what main() does not
// hand over, harness does not need. That it links is the test.
#include <iostream>

#include "harness/cli/program.hpp"

int main() {
  const touchstone::TaskBook tasks;
  const touchstone::ReportBook reports;
  const char* const words[] = {"touchstone", "--version"};
  return touchstone::run_program(2, words, tasks, reports, std::cout, std::cerr);
}
