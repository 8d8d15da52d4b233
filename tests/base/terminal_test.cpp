#include "harness/base/terminal.hpp"

#include <gtest/gtest.h>

namespace touchstone {
namespace {

TEST(Terminal, WrapsAtWords) {
  EXPECT_EQ(wrap("one two  three four", 9), (std::vector<std::string>{"one two", "three", "four"}));
  EXPECT_EQ(wrap("unbreakable a", 4), (std::vector<std::string>{"unbreakable", "a"}));
  EXPECT_EQ(wrap("\u00e4\u00e4 \u00e4\u00e4", 5), (std::vector<std::string>{"\u00e4\u00e4 \u00e4\u00e4"}));
  EXPECT_TRUE(wrap("", 9).empty());
}

TEST(Terminal, HasAHundredColumnsWhenThereIsNone) { EXPECT_EQ(terminal_columns(-1), 100U); }

}  // namespace
}  // namespace touchstone
