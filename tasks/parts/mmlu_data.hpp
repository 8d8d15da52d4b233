#pragma once
#include <string>
#include <vector>

#include "harness/data/task.hpp"

namespace touchstone {

/// Where the test, dev and validation questions of one of the 57 subjects may lie, and what the published files hash
/// to.
std::vector<DataFile> mmlu_files(const std::string& subject);

}  // namespace touchstone
