#include "tests/trainers/worked.hpp"

namespace touchstone {
namespace {

using testing::answer_batch;
using testing::gradient;
using testing::mean;
using testing::objective;

constexpr int key = 1;
constexpr int value = 2;

AnswerLoss tl(double max_weight = 9.0) {
  return objective<AnswerLoss>(R"({"use": "tl_training", "max_weight": )" + std::to_string(max_weight) + "}");
}

/// One call of `keys` key tokens, `others` others and `values` tokens of arguments, of these losses.
AnswerBatch call(int keys, int others, int values, double key_nll = 1.0, double other_nll = 0.5,
                 double value_nll = 0.2) {
  std::vector<double> logp;
  std::vector<std::int64_t> marks;
  const auto add = [&](int count, double nll, int mark) {
    for (int at = 0; at < count; ++at) {
      logp.push_back(-nll);
      marks.push_back(mark);
    }
  };
  add(keys, key_nll, key);
  add(others, other_nll, 0);
  add(values, value_nll, value);
  auto batch = answer_batch({logp}, {0, 1});
  batch.marks = at::tensor(marks).to(at::kByte);
  return batch;
}

TEST(TlTraining, WorkedExample) {
  const auto loss = tl().loss(call(2, 10, 3));
  EXPECT_NEAR(mean(loss), 0.678261, 1e-6);
  EXPECT_EQ(loss.count, 1.0);
  EXPECT_NEAR(loss.logged.at("key_weight"), 5.0, 1e-6);
  const auto slope = gradient(tl(), call(2, 10, 3));
  EXPECT_NEAR(slope[0].item<double>(), -5.0 / 23, 1e-6);
  EXPECT_NEAR(slope[5].item<double>(), -1.0 / 23, 1e-6);
  EXPECT_NEAR(slope[14].item<double>(), -1.0 / 23, 1e-6);
}

TEST(TlTraining, WeightIsCapped) {
  EXPECT_NEAR(tl().loss(call(1, 20, 0)).logged.at("key_weight"), 9.0, 1e-9);
  EXPECT_NEAR(tl(30.0).loss(call(1, 20, 0)).logged.at("key_weight"), 20.0, 1e-9);
}

TEST(TlTraining, MoreKeysThanOthersWeighOne) {
  EXPECT_NEAR(mean(tl().loss(call(3, 3, 1))), (3 * 1.0 + 3 * 0.5 + 0.2) / 7, 1e-9);
}

TEST(TlTraining, WithoutKeysOrAboveNothingItIsTheSequenceMean) {
  EXPECT_NEAR(mean(tl().loss(call(0, 4, 2))), (4 * 0.5 + 2 * 0.2) / 6, 1e-9);
  EXPECT_NEAR(mean(tl(1.0).loss(call(2, 10, 3))), (2 + 5 + 0.6) / 15, 1e-9);
}

// Two calls of unequal length weigh the same.
TEST(TlTraining, MeanOverCalls) {
  auto both = answer_batch({{-1.0, -0.5, -0.5, -0.5}, {-0.3, -0.1}}, {0, 1, 2});
  both.marks = at::tensor({key, 0, 0, 0, 0, 0}, at::kByte);
  EXPECT_NEAR(mean(tl().loss(both)), 0.5 * ((3 * 1.0 + 1.5) / 6 + 0.2), 1e-9);
}

AnswerBatch random_calls() {
  auto batch = testing::random_answers(12, 1);
  const auto at = at::arange(batch.logp.size(0), at::kLong);
  batch.marks = at::where(at.remainder(4).eq(0), key, at::where(at.remainder(3).eq(0), value, 0)).to(at::kByte);
  return batch;
}

TEST(TlTraining, FiniteDifferencesSplitsAndBfloat16) {
  testing::expect_finite_differences(tl(), random_calls());
  testing::expect_split_invariant(tl(), random_calls());
  testing::expect_bfloat16(tl(), random_calls());
}

TEST(TlTraining, TokensOfWeightZeroAreNotThere) {
  auto masked = call(1, 4, 1);
  masked.weights = at::tensor({1.0, 1.0, 1.0, 0.0, 0.0, 1.0}, at::kDouble);
  EXPECT_NEAR(mean(tl().loss(masked)), mean(tl().loss(call(1, 2, 1))), 1e-12);
  EXPECT_EQ(gradient(tl(), masked)[3].item<double>(), 0.0);
  masked.weights = at::zeros({6}, at::kDouble);
  EXPECT_EQ(tl().loss(masked).count, 0.0);
  EXPECT_EQ(gradient(tl(), masked).abs().max().item<double>(), 0.0);
}

TEST(TlTraining, MissingMarksAreAnError) { EXPECT_THROW(tl().loss(testing::random_answers(2, 1)), Error); }

}  // namespace
}  // namespace touchstone
