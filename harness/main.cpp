// The program: fills the books of what needs no tensor, and runs the command line. The tensor library fills its own.
#include <iostream>

#include "harness/cli/program.hpp"

namespace touchstone {
void add_tasks(TaskBook& book);
void add_report_book(ReportBook& book);
}  // namespace touchstone

int main(int argc, char** argv) {
  touchstone::TaskBook tasks;
  touchstone::ReportBook reports;
  touchstone::add_tasks(tasks);
  touchstone::add_report_book(reports);
  return touchstone::run_program(argc, argv, tasks, reports, std::cout, std::cerr);
}
