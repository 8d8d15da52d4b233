#include "harness/measure/direction.hpp"

#include <gtest/gtest.h>

namespace touchstone {
namespace {

TEST(Direction, MoreIsBetterHasASign) {
  EXPECT_EQ(difference_words(0.2, "17.9", "points", true), "+17.9 points");
  EXPECT_EQ(difference_words(-0.2, "17.9", "", true), "-17.9");
  EXPECT_EQ(difference_words(0.0, "0.0", "points", true), "+0.0 points");
  EXPECT_EQ(direction_note(true), "");
}

TEST(Direction, LessIsBetterHasAWord) {
  EXPECT_EQ(difference_words(0.2, "17.9", "points", false), "17.9 points lower");
  EXPECT_EQ(difference_words(-0.2, "17.9", "", false), "17.9 higher");
  EXPECT_EQ(difference_words(0.0, "0.0", "points", false), "0.0 points");
  EXPECT_EQ(direction_note(false), "lower is better");
}

}  // namespace
}  // namespace touchstone
