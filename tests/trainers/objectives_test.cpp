// Worked numbers: three positions over three words, computed by hand in double.
#include "harness/train/run_objective.hpp"
#include "tests/trainers/worked.hpp"

namespace touchstone {
namespace {

using testing::mean;
using testing::objective;
using testing::worked_batch;

TokenBatch worked_batch_with_reference() {
  auto batch = worked_batch();
  batch.ref_logits = at::tensor({1.5F, 1.0F, 0.5F, 0.5F, 0.5F, 0.0F, 0.0F, 0.0F, 0.0F}).view({3, 3});
  return batch;
}

void expect_first_gradient(const TokenBatch& batch, std::array<double, 3> expected) {
  for (int word = 0; word < 3; ++word) {
    EXPECT_NEAR(batch.logits.grad()[0][word].item<double>(), expected[static_cast<std::size_t>(word)], 1e-5);
  }
}

TEST(Sft, WorkedExample) {
  const auto batch = worked_batch();
  const auto loss = objective<TokenLoss>(R"({"use": "sft"})").loss(batch);
  EXPECT_NEAR(loss.sum.item<double>(), 1.773232, 1e-5);
  EXPECT_NEAR(mean(loss), 0.591077, 1e-5);
  EXPECT_NEAR(loss.logged.at("nll"), 1.773232, 1e-5);
  loss.sum.backward();
  expect_first_gradient(batch, {-0.334759, 0.244728, 0.090031});
}

TEST(Sft, WeightsMultiplyEachPosition) {
  auto batch = worked_batch();
  batch.weights = at::tensor({2.0F, 0.0F, 1.0F});
  EXPECT_NEAR(objective<TokenLoss>(R"({"use": "sft"})").loss(batch).sum.item<double>(), 3 * 0.407606, 1e-5);
}

TEST(Sft, ShapesThatDisagreeAreRefused) {
  auto batch = worked_batch();
  batch.labels = at::tensor({0, 1}, at::kLong);
  EXPECT_THROW(objective<TokenLoss>(R"({"use": "sft"})").loss(batch), Error);
}

TEST(Dft, WorkedExample) {
  const auto batch = worked_batch();
  const auto loss = objective<TokenLoss>(R"({"use": "dft"})").loss(batch);
  EXPECT_NEAR(mean(loss), 0.303286, 1e-5);
  loss.sum.backward();
  // Were the probability not held still, the gradient at the first position would be another.
  expect_first_gradient(batch, {-0.222695, 0.162803, 0.059892});
}

TEST(Asft, WorkedExampleForward) {
  const auto batch = worked_batch_with_reference();
  const auto loss = objective<TokenLoss>(R"({"use": "asft", "kl_weight": 0.05})").loss(batch);
  EXPECT_NEAR(mean(loss), 0.309557, 1e-5);
  EXPECT_NEAR(loss.logged.at("kl"), 0.067258 + 0.308994, 1e-5);
  loss.sum.backward();
  expect_first_gradient(batch, {-0.214757, 0.159680, 0.055077});
  EXPECT_NEAR(mean(objective<TokenLoss>(R"({"use": "asft", "kl_weight": 0.1})").loss(batch)), 0.315828, 1e-5);
}

TEST(Asft, WorkedExampleReverse) {
  const auto loss =
      objective<TokenLoss>(R"({"use": "asft", "kl_direction": "reverse"})").loss(worked_batch_with_reference());
  EXPECT_NEAR(loss.logged.at("kl"), 0.060269 + 0.266217, 1e-5);
}

TEST(Asft, WithoutTheAnchorIsDft) {
  const auto batch = worked_batch();
  const auto asft = objective<TokenLoss>(R"({"use": "asft", "kl_weight": 0})");
  EXPECT_EQ(asft.frozen, "");
  const auto loss = asft.loss(batch);
  EXPECT_NEAR(mean(loss), 0.303286, 1e-6);
  loss.sum.backward();
  expect_first_gradient(batch, {-0.222695, 0.162803, 0.059892});
}

TEST(Asft, AnchoredToItselfHasTheGradientOfDft) {
  auto batch = worked_batch();
  batch.ref_logits = batch.logits.detach().clone();
  const auto loss = objective<TokenLoss>(R"({"use": "asft", "kl_weight": 3})").loss(batch);
  EXPECT_NEAR(loss.logged.at("kl"), 0.0, 1e-6);
  loss.sum.backward();
  expect_first_gradient(batch, {-0.222695, 0.162803, 0.059892});
}

TEST(Asft, LikelihoodFormIsSftPlusKl) {
  const auto loss = objective<TokenLoss>(R"({"use": "asft", "token_loss": "nll", "kl_weight": 0.05})")
                        .loss(worked_batch_with_reference());
  EXPECT_NEAR(loss.sum.item<double>(), 1.773232 + 0.05 * (0.067258 + 0.308994), 1e-5);
}

// Two sequences as [B, T, V]; labels below zero are left out.
TEST(Objectives, RunOnGivenTensors) {
  const auto worked = worked_batch_with_reference();
  const auto shape = [](const Tensor& x) { return at::cat({x.detach(), x.detach().slice(0, 0, 1)}).view({2, 2, 3}); };
  const NamedTensors inputs = {{"logits", shape(worked.logits)},
                               {"ref_logits", shape(worked.ref_logits)},
                               {"labels", at::tensor({0, 1, 2, -100}, at::kLong).view({2, 2})}};
  const auto found = run_objective("asft", R"({"kl_weight": 0.05})", inputs, testing::objective_book());
  EXPECT_NEAR(found.at("loss").item<double>(), 0.309557, 1e-5);
  EXPECT_EQ(found.at("count").item<double>(), 3.0);
  EXPECT_NEAR(found.at("logged.nll").item<double>(), 0.591077, 1e-5);
  const auto gradient = found.at("grad_logits");
  EXPECT_NEAR(gradient[0][0][0].item<double>(), -0.214757 / 3, 1e-5);
  EXPECT_EQ(gradient[1][1].abs().max().item<double>(), 0.0);
  auto missing = inputs;
  missing.erase("ref_logits");
  EXPECT_THROW(run_objective("asft", "", missing, testing::objective_book()), Error);
  auto longer = inputs;
  longer["labels"] = at::zeros({2, 3}, at::kLong);
  EXPECT_THROW(run_objective("sft", "", longer, testing::objective_book()), Error);
}

TEST(Objectives, UnknownNamesAndKeysAreRefused) {
  EXPECT_THROW(objective<TokenLoss>(R"({"use": "stf"})"), Error);
  try {
    objective<TokenLoss>(R"({"use": "asft", "kl_wieght": 0.1})");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("kl_weight"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace touchstone
