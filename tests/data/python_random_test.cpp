#include "harness/data/python_random.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "harness/base/error.hpp"

namespace touchstone {
namespace {

using ::testing::ElementsAre;

// All values come from CPython 3.11's random module.
TEST(PythonRandom, DrawsTheWordsOfCPython) {
  PythonRandom random(1234);
  std::vector<std::uint32_t> words;
  for (int i = 0; i < 5; ++i) words.push_back(random.u32());
  EXPECT_THAT(words, ElementsAre(4150886329U, 3342196574U, 1892932127U, 501869158U, 32175636U));
}

TEST(PythonRandom, DrawsTheNumbersOfCPython) {
  EXPECT_EQ(PythonRandom(1234).random(), 0.9664535356921388);
  PythonRandom zero(0);
  EXPECT_EQ(zero.random(), 0.8444218515250481);
  EXPECT_EQ(zero.random(), 0.7579544029403025);
}

TEST(PythonRandom, SamplesFromASmallPoolThroughACopy) {
  PythonRandom random(1234);
  EXPECT_THAT(random.sample(10, 3), ElementsAre(7, 1, 0));
  EXPECT_THAT(random.sample(10, 3), ElementsAre(1, 0, 9));
  EXPECT_THAT(random.sample(10, 3), ElementsAre(1, 5, 3));
}

TEST(PythonRandom, SamplesFromALargePoolThroughASet) {
  PythonRandom random(1234);
  EXPECT_THAT(random.sample(100, 5), ElementsAre(99, 56, 14, 0, 11));
  EXPECT_THAT(random.sample(100, 5), ElementsAre(74, 4, 85, 88, 10));
}

TEST(PythonRandom, DrawsTheFewShotRowsOfRealTasks) {
  PythonRandom gsm8k(1234);
  EXPECT_THAT(gsm8k.sample(7473, 5), ElementsAre(6374, 3610, 957, 61, 742));
  EXPECT_THAT(gsm8k.sample(7473, 5), ElementsAre(7462, 6610, 4769, 286, 5501));
  EXPECT_THAT(gsm8k.sample(7473, 5), ElementsAre(5677, 687, 806, 6279, 2905));
  PythonRandom arc(1234);
  EXPECT_THAT(arc.sample(1119, 25), ElementsAre(902, 239, 15, 185, 71, 171, 201, 726, 484, 35, 63, 32, 708, 991, 949,
                                                304, 186, 374, 234, 29, 1030, 996, 511, 132, 1108));
}

TEST(PythonRandom, ShufflesAsCPythonDoes) {
  std::vector<int> values(10);
  std::iota(values.begin(), values.end(), 0);
  PythonRandom(42).shuffle(values);
  EXPECT_THAT(values, ElementsAre(7, 3, 2, 8, 5, 6, 9, 4, 0, 1));
}

TEST(PythonRandom, TakesSeedsOfMoreThanOneWord) {
  // random.Random(2**40 + 7): random(), getrandbits(48), choices(range(100), k=3)
  PythonRandom random((std::uint64_t{1} << 40U) + 7);
  EXPECT_EQ(random.random(), 0.6137037779936511);
  EXPECT_EQ(random.getrandbits(48), 264006549789365U);
  EXPECT_THAT(random.choices(100, 3), ElementsAre(94, 57, 47));
}

TEST(PythonRandom, RefusesToDrawMoreThanThereAre) { EXPECT_THROW(PythonRandom(1).sample(3, 4), Error); }

}  // namespace
}  // namespace touchstone
