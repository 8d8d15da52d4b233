#include "tests/trainers/worked.hpp"

namespace touchstone {
namespace {

using testing::answer_batch;
using testing::gradient;
using testing::mean;
using testing::objective;

AnswerLoss minor(double beta, const std::string& form = "surrogate") {
  return objective<AnswerLoss>(R"({"use": "minor_sft", "beta": )" + std::to_string(beta) + R"(, "form": ")" + form +
                               "\"}");
}

AnswerBatch worked() {
  auto batch = answer_batch({{-1.0, -0.5, -0.7}}, {0, 1});
  batch.ref_logp = at::tensor({-1.2, -0.9, -0.6}, at::kDouble);
  return batch;
}

TEST(MinorSft, WorkedExample) {
  const auto loss = minor(0.1).loss(worked());
  EXPECT_NEAR(mean(loss), 0.715004, 1e-6);
  EXPECT_NEAR(loss.logged.at("deviation"), 0.166667, 1e-6);
  EXPECT_NEAR(loss.logged.at("nll"), 2.2 / 3, 1e-6);
  EXPECT_NEAR(mean(minor(0.1, "softplus").loss(worked())), 4.456398, 1e-6);
  for (const auto* form : {"surrogate", "softplus"}) {
    testing::expect_row(gradient(minor(0.1, form), worked()), {-0.325002, -0.325002, -0.325002}, 1e-6);
  }
}

TEST(MinorSft, Coefficients) {
  const auto coefficient = [](double beta) { return -3 * gradient(minor(beta), worked())[0].item<double>(); };
  EXPECT_NEAR(coefficient(0.04), 0.990000, 1e-6);
  EXPECT_NEAR(coefficient(0.1), 0.975005, 1e-6);
  EXPECT_NEAR(coefficient(1.0), 0.755081, 1e-6);
}

// At the reference, and where beta is nothing, the gradient is that of the mean over sequences of their mean NLL.
TEST(MinorSft, StartsAsTheSequenceMean) {
  auto batch = testing::random_answers(9, 1);
  const auto lengths = at::zeros({9}, at::kDouble).index_add(0, batch.answer_of, at::ones_like(batch.logp.detach()));
  const auto wanted = -1.0 / lengths.index_select(0, batch.answer_of);
  EXPECT_LT((gradient(minor(1e-6), batch) - wanted).abs().max().item<double>(), 1e-5);
  batch.ref_logp = batch.logp.detach().clone();
  EXPECT_LT((gradient(minor(0.7), batch) - wanted).abs().max().item<double>(), 1e-9);
  EXPECT_LT((gradient(minor(0.7, "softplus"), batch) - wanted).abs().max().item<double>(), 1e-9);
}

TEST(MinorSft, BothFormsHaveOneGradient) {
  const auto batch = testing::random_answers(9, 1);
  EXPECT_LT((gradient(minor(0.5), batch) - gradient(minor(0.5, "softplus"), batch)).abs().max().item<double>(), 1e-12);
  testing::expect_finite_differences(minor(0.5, "softplus"), batch);
}

TEST(MinorSft, AnAnswerFarAboveItsReferenceStandsStill) {
  auto batch = worked();
  batch.ref_logp = at::full({3}, -4000.0, at::kDouble);
  EXPECT_EQ(gradient(minor(1.0), batch).abs().max().item<double>(), 0.0);
  batch.ref_logp = at::zeros({3}, at::kDouble);
  batch.logp = at::full({3}, -4000.0, at::kDouble).requires_grad_(true);
  testing::expect_row(gradient(minor(1.0, "softplus"), batch), {-2.0 / 3, -2.0 / 3, -2.0 / 3});
}

TEST(MinorSft, MasksSplitsAndBfloat16) {
  auto batch = testing::random_answers(9, 1);
  for (const auto* form : {"surrogate", "softplus"}) {
    testing::expect_split_invariant(minor(0.3, form), batch);
    testing::expect_bfloat16(minor(0.3, form), batch);
  }
  // Weight zero: as if the tokens were not there.
  auto masked = worked();
  masked.weights = at::tensor({1.0, 0.0, 1.0}, at::kDouble);
  auto shorter = answer_batch({{-1.0, -0.7}}, {0, 1});
  shorter.ref_logp = at::tensor({-1.2, -0.6}, at::kDouble);
  EXPECT_NEAR(mean(minor(0.1).loss(masked)), mean(minor(0.1).loss(shorter)), 1e-12);
  EXPECT_EQ(gradient(minor(0.1), masked)[1].item<double>(), 0.0);
  masked.weights = at::zeros({3}, at::kDouble);
  const auto nothing = minor(0.1).loss(masked);
  EXPECT_EQ(nothing.count, 0.0);
  EXPECT_EQ(nothing.sum.item<double>(), 0.0);
  EXPECT_EQ(gradient(minor(0.1), masked).abs().max().item<double>(), 0.0);
}

TEST(MinorSft, AMissingReferenceIsAnError) {
  auto batch = worked();
  batch.ref_logp = Tensor();
  EXPECT_THROW(minor(0.1).loss(batch), Error);
  EXPECT_TRUE(minor(0.1).ref_logp);
}

}  // namespace
}  // namespace touchstone
