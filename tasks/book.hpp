#pragma once
#include "harness/data/task.hpp"

namespace touchstone {

/// Adds every benchmark of this folder to the book (the build writes the function).
void add_tasks(TaskBook& book);

}  // namespace touchstone
