// What a report says of a metric of which less is better.
#include <gmock/gmock.h>

#include "reports/words.hpp"

namespace touchstone::reports {
namespace {

using ::testing::HasSubstr;

Arm arm_of(bool higher_is_better) {
  ArmTask task;
  task.task = "micro-corpus";
  task.unit = {.scale = 1.0, .name = "bits/byte"};
  task.higher_is_better = higher_is_better;
  task.trained_on = true;
  task.change = 0.02;
  task.interval = {0.015, 0.025};
  task.p_value = task.p_adjusted = 1e-4;
  Arm arm;
  arm.method = "sft";
  arm.trained_on = "micro-corpus";
  arm.tasks = {task};
  return arm;
}

TEST(ReportDirection, SentencesNameIt) {
  EXPECT_THAT(verdict(arm_of(true)).front(), HasSubstr("micro-corpus: +0.020 [+0.015, +0.025] bits/byte"));
  EXPECT_THAT(verdict(arm_of(false)).front(),
              HasSubstr("Gains on the task trained on, micro-corpus: 0.020 bits/byte lower [0.015 lower, 0.025 lower] "
                        "(lower is better)"));
}

TEST(ReportDirection, TablesExplainTheirSigns) {
  ReportInput input;
  input.arms = {arm_of(false)};
  EXPECT_EQ(task_label(input, "micro-corpus"), "micro-corpus (lower is better: + is an improvement)");
  EXPECT_EQ(task_label(input, "other"), "other");
  EXPECT_EQ(task_label(arm_of(true).tasks.front()), "micro-corpus");
}

}  // namespace
}  // namespace touchstone::reports
