#include "harness/base/utf8.hpp"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <array>
#include <vector>

#include "harness/base/one_line.hpp"

namespace touchstone {
namespace {

bool is_surrogate(std::int32_t value) { return value >= 0xd800 && value < 0xe000; }

/// What utf8proc, an outside judge, says of the bytes at a place.
CodePoint judged(std::string_view text, std::size_t at) {
  std::int32_t value = -1;
  const auto bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at),
                                      static_cast<utf8proc_ssize_t>(text.size() - at), &value);
  return bytes > 0 ? CodePoint{value, static_cast<std::size_t>(bytes)} : CodePoint{};
}

TEST(Utf8, WritesAndReadsEveryCodePoint) {
  for (std::int32_t value = 0; value <= 0x10ffff; ++value) {
    if (is_surrogate(value)) continue;
    std::array<utf8proc_uint8_t, 4> bytes{};
    const auto count = utf8proc_encode_char(value, bytes.data());
    const auto text = utf8_of(value);
    ASSERT_EQ(text, std::string(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(count)));
    const auto read = code_point_at(text, 0);
    const auto known = known_code_point_at(text, 0);
    ASSERT_EQ(read.value, value);
    ASSERT_EQ(known.value, value);
    ASSERT_EQ(read.bytes, text.size());
    ASSERT_EQ(known.bytes, text.size());
    ASSERT_EQ(previous_start("x" + text, 1 + text.size()), 1U);
  }
  EXPECT_EQ(utf8_of(-1), "");
  EXPECT_EQ(utf8_of(0x110000), "");
}

/// Every lead byte with second, third and fourth bytes from both sides of each border that the form has, cut off
/// everywhere: 256 * 12^3 texts and their beginnings.
TEST(Utf8, RefusesWhatTheOutsideJudgeRefuses) {
  constexpr std::array<unsigned char, 12> borders = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90,
                                                     0x9f, 0xa0, 0xbf, 0xc0, 0xe2, 0xff};
  std::string text(4, '\0');
  for (int lead = 0; lead < 256; ++lead) {
    text[0] = static_cast<char>(lead);
    for (const auto second : borders) {
      text[1] = static_cast<char>(second);
      for (const auto third : borders) {
        text[2] = static_cast<char>(third);
        for (const auto fourth : borders) {
          text[3] = static_cast<char>(fourth);
          for (std::size_t size = 1; size <= 4; ++size) {
            const auto part = std::string_view(text).substr(0, size);
            const auto wanted = judged(part, 0);
            const auto found = code_point_at(part, 0);
            ASSERT_EQ(found.value, wanted.value) << lead << ' ' << int{second} << ' ' << int{third} << ' ' << size;
            ASSERT_EQ(found.bytes, wanted.bytes);
          }
        }
      }
    }
  }
}

/// Expected texts are those of CPython 3.11's bytes.decode(errors="replace").
TEST(Utf8, ReplacesBrokenBytesAsPythonDoes) {
  const std::string mark = "\xef\xbf\xbd";
  EXPECT_EQ(to_utf8("\xf0\x9f\x98"), mark);  // the beginning of a code point
  EXPECT_EQ(to_utf8("\xf0\x9f\x98z"), mark + "z");
  EXPECT_EQ(to_utf8("\xf0\x80\x80\x80"), mark + mark + mark + mark);  // overlong: nothing of it could begin one
  EXPECT_EQ(to_utf8("\xed\xa0\x80"), mark + mark + mark);             // a surrogate
  EXPECT_EQ(to_utf8("\xf4\x90\x80\x80"), mark + mark + mark + mark);  // above U+10FFFF
  EXPECT_EQ(to_utf8("\xc0\xaf\xe2\x82\xac"), mark + mark + "\xe2\x82\xac");
  EXPECT_EQ(to_utf8("\xe2\x82\xe2\x82\xac"), mark + "\xe2\x82\xac");
  EXPECT_EQ(broken_bytes("\xf0\x9f\x98", 0), 3U);
  EXPECT_EQ(broken_bytes("\xff\x9f", 0), 1U);
}

TEST(Utf8, CutsAtWholeCodePoints) {
  const std::string text = "a\u00e9\u20ac\U0001F600";  // 1, 2, 3 and 4 bytes
  const std::vector<std::size_t> wanted = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
  for (std::size_t bytes = 0; bytes < wanted.size(); ++bytes)
    EXPECT_EQ(cut_length(text, bytes), wanted[bytes]) << bytes;
  // A run of bytes that belong to nothing is cut near the place asked for, not at its start.
  EXPECT_EQ(cut_length(std::string(100, '\x80'), 50), 46U);
  EXPECT_EQ(one_line(text, 5), "a\u00e9...");
}

}  // namespace
}  // namespace touchstone
