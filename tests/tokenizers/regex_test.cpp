#include "backends/tokenizers/regex.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"

namespace touchstone::tokenizers {
namespace {

std::string utf8(std::uint32_t point) {
  std::string out;
  const auto byte = [&](std::uint32_t value) { out += static_cast<char>(value); };
  if (point < 0x80) {
    byte(point);
    return out;
  }
  if (point < 0x800) {
    byte(0xc0 | (point >> 6));
  } else {
    byte(point < 0x10000 ? 0xe0 | (point >> 12) : 0xf0 | (point >> 18));
    if (point >= 0x10000) byte(0x80 | ((point >> 12) & 0x3f));
    byte(0x80 | ((point >> 6) & 0x3f));
  }
  byte(0x80 | (point & 0x3f));
  return out;
}

/// Every code point as text, and where each begins.
struct AllPoints {
  std::string text;
  std::vector<std::uint32_t> at_byte;  ///< of the code point that the byte belongs to
  AllPoints() {
    for (std::uint32_t point = 0; point < 0x110000; ++point) {
      if (point >= 0xd800 && point < 0xe000) continue;
      text += utf8(point);
      at_byte.resize(text.size(), point);
    }
  }
};

std::vector<bool> members(const AllPoints& all, const std::string& pattern) {
  std::vector<bool> found(0x110000);
  Regex(pattern + "+", "test").each(all.text, [&](const Match& match) {
    for (auto at = match.first; at < match.last; ++at) found[all.at_byte[at]] = true;
  });
  return found;
}

/// "41+19 7": the members as gaps and lengths, in hexadecimal.
std::vector<bool> ranges(const std::string& text) {
  std::vector<bool> found(0x110000);
  std::size_t at = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::size_t used = 0;
    at += std::stoul(text.substr(i, 14), &used, 16);
    i += used;
    found[at] = true;
    if (i >= text.size() || text[i] != '+') continue;
    const auto more = std::stoul(text.substr(i + 1, 14), &used, 16);
    for (std::size_t k = 0; k < more; ++k) found[++at] = true;
    i += 1 + used;
  }
  return found;
}

// classes.json holds what the tokenizers library (Oniguruma, Unicode 16) matches with each class, over all code points.
// What the Unicode of this PCRE2 has not yet assigned is left out.
TEST(TokenizerRegex, ClassesHoldWhatOnigurumasHold) {
  const AllPoints all;
  const auto unassigned = members(all, "\\p{Cn}");
  const auto table = read_json(TOUCHSTONE_SOURCE_DIR "/tests/tokenizers/classes.json");
  for (const auto& entry : table.at("classes").items()) {
    const auto wanted = ranges(entry.value().get<std::string>());
    const auto found = members(all, entry.key());
    std::size_t differ = 0;
    for (std::uint32_t point = 0; point < 0x110000; ++point) {
      if (found[point] == wanted[point] || unassigned[point]) continue;
      if (++differ <= 3) ADD_FAILURE() << entry.key() << " at U+" << std::hex << point << ": " << found[point];
    }
    EXPECT_EQ(differ, 0U) << entry.key();
  }
}

std::vector<std::string> pieces(const std::string& pattern, const std::string& text) {
  std::vector<std::string> found;
  std::size_t at = 0;
  Regex(pattern, "test").each(text, [&](const Match& match) {
    if (match.first > at) found.push_back(text.substr(at, match.first - at));
    if (match.last > match.first) found.push_back(text.substr(match.first, match.last - match.first));
    at = match.last;
  });
  if (at < text.size()) found.push_back(text.substr(at));
  return found;
}

using Pieces = std::vector<std::string>;

// What Split("isolated") of the tokenizers library 0.23.3 gives.
TEST(TokenizerRegex, SetsInsideSetsAddTheirMembers) {
  EXPECT_EQ(pieces(" ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+", "Hello, (world)| x\u0964 y[z]"),
            (Pieces{"Hello", ", (", "world", ")|", " x", "\u0964", " y[z]"}));
}

TEST(TokenizerRegex, BoundariesKnowMarks) {
  EXPECT_EQ(pieces("\\b", "\u00b2a"), (Pieces{"\u00b2a"}));
  EXPECT_EQ(pieces("\\B", "\u00b2a"), (Pieces{"\u00b2", "a"}));
  EXPECT_EQ(pieces("\\b", "\u00e1 b"), (Pieces{"\u00e1", " ", "b"}));
  EXPECT_EQ(pieces("\\B", "\u00e1 b"), (Pieces{"\u00e1 b"}));
  EXPECT_EQ(pieces("\\b", "e\u0301x"), (Pieces{"e\u0301x"}));
  EXPECT_EQ(pieces("\\B", "e\u0301x"), (Pieces{"e", "\u0301", "x"}));
  EXPECT_EQ(pieces("\\b", "a\u0301."), (Pieces{"a\u0301", "."}));
  EXPECT_EQ(pieces("\\B", "a\u0301."), (Pieces{"a", "\u0301."}));
  EXPECT_EQ(pieces("\\b", "a_b c"), (Pieces{"a_b", " ", "c"}));
  EXPECT_EQ(pieces("\\B", "a_b c"), (Pieces{"a", "_", "b c"}));
}

TEST(TokenizerRegex, WhatCannotBeHadExactlyIsRefused) {
  for (const std::string pattern : {"[a&&b]", "[a[^b]]", "[a-[b]]", "\\p{Emoji}", "[[:^alpha:]]", "[[:nosuch:]]"}) {
    EXPECT_THROW(Regex(pattern, "test"), Error) << pattern;
  }
}

}  // namespace
}  // namespace touchstone::tokenizers
