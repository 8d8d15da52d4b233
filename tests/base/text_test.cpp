#include "harness/base/text.hpp"

#include <gtest/gtest.h>

#include "harness/base/hash.hpp"
#include "harness/base/registry.hpp"
#include "harness/base/seed.hpp"

namespace touchstone {
namespace {

TEST(Hash, Sha256OfKnownTexts) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256().add("a").add("bc").hex(), sha256("abc"));
}

TEST(Seed, Fnv1aOfKnownText) { EXPECT_EQ(fnv1a("a"), 12638187200555641996ULL); }

/// The first numbers of the generator's published code (Vigna, splitmix64.c) from the state 1234567.
TEST(Seed, SplitmixIsThePublishedGenerator) {
  std::uint64_t state = 1234567;
  for (const auto wanted : {6457827717110365317ULL, 3203168211198807973ULL, 9817491932198370423ULL}) {
    EXPECT_EQ(splitmix64_mix(state += splitmix64_step), wanted);
  }
}

TEST(Seed, ChildrenDifferByNameAndBySeed) {
  EXPECT_NE(derive_seed(1, "shuffle"), derive_seed(1, "init"));
  EXPECT_NE(derive_seed(1, "shuffle"), derive_seed(2, "shuffle"));
  EXPECT_EQ(derive_seed(1, "shuffle"), derive_seed(1, "shuffle"));
}

TEST(Text, StripTakesUnicodeSpaces) {
  EXPECT_EQ(strip(" \t\u00a0x y\u2003\n"), "x y");
  EXPECT_EQ(strip("\u200bx"), "\u200bx");  // a zero-width space is no space to Python
  EXPECT_EQ(strip(" \x80 "), "\x80");
  EXPECT_EQ(strip(""), "");
}

TEST(Text, Utf8) {
  EXPECT_EQ(code_points("abc"), 3U);
  EXPECT_EQ(code_points("h\u00e9\U0001F600"), 3U);
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));
  EXPECT_FALSE(is_utf8("\xc0\x80"));
  // A sequence that was cut off is replaced once, as Python does.
  EXPECT_EQ(to_utf8("a\xff\xe2\x82z"), "a\xef\xbf\xbd\xef\xbf\xbdz");
}

TEST(Text, NearestName) {
  const std::vector<std::string> known = {"gsm8k", "mmlu", "humaneval"};
  EXPECT_EQ(nearest_name("gsm8", known), "gsm8k");
  EXPECT_EQ(nearest_name("zzzzzz", known), "");
  EXPECT_EQ(nearest_name("lr", std::vector<std::string>{"on", "as"}), "");
  EXPECT_NE(unknown_name("task", "mlmu", known).find("did you mean 'mmlu'"), std::string::npos);
}

TEST(Registry, RefusesASecondOfTheSameName) {
  Registry<int> numbers("number");
  numbers.add("one", 1);
  EXPECT_THROW(numbers.add("one", 2), Error);
  EXPECT_EQ(numbers.get("one"), 1);
  EXPECT_THROW(numbers.get("two"), Error);
}

}  // namespace
}  // namespace touchstone
