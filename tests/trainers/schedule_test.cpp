#include "trainers/loops/schedule.hpp"

#include <gtest/gtest.h>

namespace touchstone {
namespace {

// By Transformers' formulas, 10 steps with 2 of warm-up.
TEST(Schedule, Linear) {
  const Schedule schedule{.kind = "linear", .warmup_steps = 2, .steps = 10};
  EXPECT_DOUBLE_EQ(schedule.factor(0), 0.0);
  EXPECT_DOUBLE_EQ(schedule.factor(1), 0.5);
  EXPECT_DOUBLE_EQ(schedule.factor(2), 1.0);
  EXPECT_DOUBLE_EQ(schedule.factor(6), 0.5);
  EXPECT_DOUBLE_EQ(schedule.factor(9), 0.125);
  EXPECT_DOUBLE_EQ(schedule.factor(10), 0.0);
}

TEST(Schedule, Cosine) {
  const Schedule schedule{.kind = "cosine", .warmup_steps = 2, .steps = 10};
  EXPECT_DOUBLE_EQ(schedule.factor(1), 0.5);
  EXPECT_DOUBLE_EQ(schedule.factor(2), 1.0);
  EXPECT_NEAR(schedule.factor(6), 0.5, 1e-12);
  EXPECT_NEAR(schedule.factor(4), 0.8535533905932737, 1e-12);  // (1 + cos(pi / 4)) / 2
  EXPECT_NEAR(schedule.factor(10), 0.0, 1e-12);
}

TEST(Schedule, Constant) {
  EXPECT_DOUBLE_EQ((Schedule{.kind = "constant", .warmup_steps = 0, .steps = 10}.factor(0)), 1.0);
  const Schedule warm{.kind = "constant_with_warmup", .warmup_steps = 4, .steps = 10};
  EXPECT_DOUBLE_EQ(warm.factor(1), 0.25);
  EXPECT_DOUBLE_EQ(warm.factor(9), 1.0);
}

}  // namespace
}  // namespace touchstone
