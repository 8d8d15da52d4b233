#pragma once
#include <span>
#include <vector>

#include "harness/data/task.hpp"
#include "harness/measure/measure.hpp"

namespace touchstone {

/// The scores of a task over its items, in the order of task.metrics; a metric without any item is left out. Sums run
/// left to right in document order, as in lm-evaluation-harness, so that equal verdicts give equal digits.
std::vector<Score> task_scores(const Task& task, std::span<const Sample> samples);

/// The scores of a group from those of its leaf tasks, in leaf order: the mean weighted by size (plain when the group
/// says so) and the pooled standard error (lm_eval/api/group.py). A metric that a leaf lacks is left out; its error is
/// nan when any leaf's is.
GroupMeasure group_scores(const TaskGroup& group, std::span<const TaskMeasure* const> leaves);

/// sum(values) in numpy's order of addition: eight interleaved partial sums once there are eight values (blocks of
/// 128). The reference computes its TruthfulQA scores with numpy.
double numpy_sum(std::span<const double> values);

}  // namespace touchstone
