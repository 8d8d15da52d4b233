// The program: fills the books of what needs no tensor, and runs the command line. The tensor library fills its own.
#include <iostream>

#include "harness/cli/program.hpp"

namespace touchstone {
void add_tasks(TaskBook& book);
void add_reports(SectionBook& book);
}  // namespace touchstone

int main(int argc, char** argv) {
  touchstone::TaskBook tasks;
  touchstone::SectionBook sections{"report section"};
  touchstone::add_tasks(tasks);
  touchstone::add_reports(sections);
  return touchstone::run_program(argc, argv, tasks, sections, std::cout, std::cerr);
}
