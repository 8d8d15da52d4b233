#include "harness/base/one_line.hpp"

#include <gtest/gtest.h>

namespace touchstone {
namespace {

TEST(OneLine, ControlCharactersBecomeSpaces) {
  EXPECT_EQ(one_line("a\nb\r\tc\x1b[31md\x7f"), "a b  c [31md ");
  EXPECT_EQ(one_line("x\xC2\x9B"
                     "31m"),
            "x  31m");
  EXPECT_EQ(one_line("caf\xC3\xA9"), "caf\xC3\xA9");
}

TEST(OneLine, LongTextIsCutAtAWholeCharacter) {
  EXPECT_EQ(one_line("abcdef", 6), "abcdef");
  EXPECT_EQ(one_line("abcdefg", 6), "abcdef...");
  EXPECT_EQ(one_line("abc\xC3\xA9z", 4), "abc...");
}

}  // namespace
}  // namespace touchstone
