#pragma once
#include <optional>
#include <string>
#include <vector>

#include "harness/data/record.hpp"
#include "harness/model/backend.hpp"

namespace touchstone {

/// Checks that a task or group is known and that its files are there. Throws Error naming what is missing.
void check_task_data(const TrainJob& job, const std::string& task, std::optional<Split> split);

/// Throws Fault::config when a task of `name` has training examples without end.
void refuse_endless(const TrainJob& job, const std::string& name, std::optional<Split> split);

/// Training records of a task or of all tasks of a group, in the group's order. A task without end gives the first
/// `endless` records of the job's seed; 0: such a task is refused.
std::vector<Record> load_records(const TrainJob& job, const std::string& task, std::optional<Split> split,
                                 std::int64_t endless = 0);

/// True when a task of `name` is trained on the very split that it is scored on.
bool trains_on_test(const TrainJob& job, const std::string& name, std::optional<Split> split);

}  // namespace touchstone
