#include "tasks/parts/overlap.hpp"

#include <gtest/gtest.h>

namespace touchstone {
namespace {

TEST(Bleu, EqualsSacrebleu) {
  EXPECT_EQ(sentence_bleu("The cat sat on the mat.", "The cat is on the mat."), 48.892302243490086);
  EXPECT_EQ(sentence_bleu("hello", "The cat is on the mat."), 0.0);
  EXPECT_EQ(sentence_bleu("", "a"), 0.0);
}

struct OverlapCase {
  const char* output;
  const char* reference;
  double bleu;
  double rouge1;
  double rouge2;
  double rouge_lsum;
};

class Overlap : public ::testing::TestWithParam<OverlapCase> {};

// Computed with sacrebleu 2.6.0 (tokenizer intl, smoothing exp) and rouge_score 0.1.2.
TEST_P(Overlap, EqualsTheReferencePackages) {
  const auto& wanted = GetParam();
  EXPECT_DOUBLE_EQ(sentence_bleu(wanted.output, wanted.reference), wanted.bleu);
  const auto score = rouge(wanted.output, wanted.reference);
  EXPECT_DOUBLE_EQ(score.rouge1, wanted.rouge1);
  EXPECT_DOUBLE_EQ(score.rouge2, wanted.rouge2);
  EXPECT_DOUBLE_EQ(score.rouge_lsum, wanted.rouge_lsum);
}

INSTANTIATE_TEST_SUITE_P(
    Packages, Overlap,
    ::testing::Values(
        OverlapCase{"It costs $3.50, or 3,500 yen (about 20% more)!", "It costs 3.50 dollars; about 3,500 yen.",
                    8.225964699966553, 80.0, 55.55555555555556, 70.0},
        OverlapCase{"Paris -- the capital of France -- is big . Very big .",
                    "Paris is the capital of France . It is very big .", 21.651956746181064, 84.21052631578948,
                    47.05882352941176, 84.21052631578948},
        OverlapCase{"na\xc3\xafve caf\xc3\xa9 \xe6\xbc\xa2\xe5\xad\x97\xe3\x80\x82 100\xe2\x84\x83 and \xc2\xbd cup",
                    "na\xc3\xafve caf\xc3\xa9, \xe6\xbc\xa2\xe5\xad\x97\xe3\x80\x82 100 \xe2\x84\x83 and half a cup",
                    42.500836592944815, 85.71428571428571, 66.66666666666666, 85.71428571428571},
        OverlapCase{"a b c d e f g h", "a b c d e f g h i j k", 68.72892787909726, 84.21052631578948, 82.35294117647058,
                    84.21052631578948},
        OverlapCase{"one two three\nfour five six\nseven", "four five six\none two three four", 57.21248424548511,
                    85.71428571428571, 83.33333333333334, 85.71428571428571},
        OverlapCase{"The the the the", "the cat the", 18.99589214128981, 57.14285714285715, 0.0, 57.14285714285715},
        OverlapCase{"no 1. item 2.item 3", "no 1. item 2. item 3.", 84.08964152537145, 100.0, 100.0, 100.0}));

TEST(Rouge, EqualsGooglesScorer) {
  const auto score = rouge("The cat sat on the mat.", "The cat is on the mat.");
  EXPECT_DOUBLE_EQ(score.rouge1 / 100, 0.8333333333333334);
  EXPECT_DOUBLE_EQ(score.rouge2 / 100, 0.6);
  EXPECT_DOUBLE_EQ(score.rouge_lsum / 100, 0.8333333333333334);
}

TEST(Rouge, OfNothingIsNothing) {
  EXPECT_EQ(rouge("", "a b").rouge1, 0.0);
  EXPECT_EQ(rouge("a b", "...").rouge_lsum, 0.0);
}

}  // namespace
}  // namespace touchstone
