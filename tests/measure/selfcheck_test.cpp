#include "harness/measure/selfcheck.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace touchstone {
namespace {

// The bands of the program's own statistics, with the error of so short a simulation.
TEST(Selfcheck, EveryRowLiesWithinItsBand) {
  const auto rows = selfcheck_statistics({.rounds = 800, .seed = 1});
  EXPECT_GT(rows.size(), 100U);
  for (const auto& row : rows) {
    EXPECT_TRUE(row.holds) << row.kind << ": " << row.setting << ": coverage " << row.coverage << ", level "
                           << row.level << ", power " << row.power;
  }
}

TEST(Selfcheck, IsTheSameEveryTime) {
  const auto one = selfcheck_statistics({.rounds = 80, .seed = 2});
  const auto two = selfcheck_statistics({.rounds = 80, .seed = 2});
  ASSERT_EQ(one.size(), two.size());
  const auto equal = [](double first, double second) {
    return first == second || (std::isnan(first) && std::isnan(second));
  };
  for (std::size_t at = 0; at < one.size(); ++at) {
    EXPECT_EQ(one[at].kind, two[at].kind);
    EXPECT_EQ(one[at].setting, two[at].setting);
    EXPECT_EQ(one[at].holds, two[at].holds);
    // A row of nans alone would lie within any band.
    EXPECT_FALSE(std::isnan(one[at].coverage) && std::isnan(one[at].level) && std::isnan(one[at].power));
    for (const auto field : {&SelfcheckRow::coverage, &SelfcheckRow::level, &SelfcheckRow::power,
                             &SelfcheckRow::half_width, &SelfcheckRow::ideal, &SelfcheckRow::seeds}) {
      EXPECT_TRUE(equal(one[at].*field, two[at].*field)) << one[at].kind << ": " << one[at].setting;
    }
  }
}

TEST(Selfcheck, StopsOnRequest) {
  CancelFlag cancel;
  cancel.set();
  EXPECT_THROW(selfcheck_statistics({.rounds = 80, .seed = 1, .cancel = &cancel}), Cancelled);
}

}  // namespace
}  // namespace touchstone
