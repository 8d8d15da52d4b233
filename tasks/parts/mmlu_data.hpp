#pragma once
#include <string>
#include <vector>

#include "harness/data/task.hpp"

namespace touchstone {

/// Possible places of the test, dev and validation questions of one of the 57 subjects, and the published files'
/// hashes.
std::vector<DataFile> mmlu_files(const std::string& subject);

}  // namespace touchstone
