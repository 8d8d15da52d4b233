// The program: fills the books of what needs no tensor, and runs the command line. The tensor library fills its own.
#include <iostream>

#include "harness/cli/program.hpp"
#include "reports/render.hpp"
#include "tasks/book.hpp"

int main(int argc, char** argv) {
  touchstone::TaskBook tasks;
  touchstone::ReportBook reports;
  touchstone::add_tasks(tasks);
  touchstone::add_report_book(reports);
  return touchstone::run_program(argc, argv, tasks, reports, std::cout, std::cerr);
}
