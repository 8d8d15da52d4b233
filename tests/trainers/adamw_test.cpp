#include "trainers/loops/adamw.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

// A matrix (which decays) and a bias (which does not), both from (1, -2); two steps with gradients of 0.25 and 1 at a
// rate of 0.1 and a decay of 0.1. By hand: the first step moves by the rate times the gradient's sign, after the decay:
// 1 * 0.99 - 0.1 = 0.89. The second by 0.1 * (0.1225 / 0.19) / sqrt(0.0010624375 / 0.001999).
class AdamWSteps : public ::testing::Test {
 protected:
  Tensor matrix_ = at::tensor({1.0F, -2.0F}).reshape({1, 2}).requires_grad_(true);
  Tensor bias_ = at::tensor({1.0F, -2.0F}).requires_grad_(true);
  AdamW make() { return AdamW({{"matrix", &matrix_}, {"bias", &bias_}}, {.weight_decay = 0.1}); }

  void set_gradients(float value) {
    for (auto* tensor : {&matrix_, &bias_}) tensor->mutable_grad() = at::full_like(tensor->detach(), value);
  }
  static double first(const Tensor& tensor) { return tensor.detach().flatten()[0].item<double>(); }
};

TEST_F(AdamWSteps, MatricesDecayAndVectorsDoNot) {
  auto optimizer = make();
  set_gradients(0.25F);
  optimizer.step(0.1, 1.0);
  EXPECT_NEAR(first(matrix_), 0.890000004, 1e-6);
  EXPECT_NEAR(first(bias_), 0.900000004, 1e-6);
  EXPECT_NEAR(matrix_.detach().flatten()[1].item<double>(), -2.0 * 0.99 - 0.1, 1e-6);
  set_gradients(1.0F);
  optimizer.step(0.1, 1.0);
  EXPECT_NEAR(first(matrix_), 0.7926623561, 1e-6);
  EXPECT_NEAR(first(bias_), 0.8115623562, 1e-6);
  EXPECT_EQ(optimizer.steps(), 2);
}

TEST_F(AdamWSteps, GradientsAreDividedOnce) {
  auto optimizer = make();
  set_gradients(0.5F);
  EXPECT_DOUBLE_EQ(optimizer.gradient_norm(), 1.0);  // sqrt(4 * 0.25)
  optimizer.step(0.1, 2.0);
  set_gradients(4.0F);
  optimizer.step(0.1, 4.0);
  EXPECT_NEAR(first(matrix_), 0.7926623561, 1e-6);
  EXPECT_NEAR(first(bias_), 0.8115623562, 1e-6);
}

TEST_F(AdamWSteps, ARateFactorHoldsForTheNamedAlone) {
  AdamW optimizer({{"matrix", &matrix_}, {"bias", &bias_}},
                  {.weight_decay = 0.1, .rate_factors = {{"matrix", 0.5}, {"other", 7.0}}});
  set_gradients(0.25F);
  optimizer.step(0.1, 1.0);
  EXPECT_NEAR(first(matrix_), 0.945000002, 1e-6);  // 1 * (1 - 0.05 * 0.1) - 0.05
  EXPECT_NEAR(first(bias_), 0.900000004, 1e-6);
}

TEST_F(AdamWSteps, MomentsComeBack) {
  auto optimizer = make();
  set_gradients(0.25F);
  optimizer.step(0.1, 1.0);
  NamedTensors kept;
  for (const auto& [name, tensor] : optimizer.moments()) kept[name] = tensor.clone();
  EXPECT_NEAR(kept.at("exp_avg.bias")[0].item<double>(), 0.025, 1e-8);
  EXPECT_NEAR(kept.at("exp_avg_sq.bias")[0].item<double>(), 6.25e-5, 1e-10);
  auto other = make();
  other.restore(kept, 1);
  set_gradients(1.0F);
  other.step(0.1, 1.0);
  EXPECT_NEAR(first(matrix_), 0.7926623561, 1e-6);
}

TEST_F(AdamWSteps, AParameterWithoutAGradientStays) {
  auto optimizer = make();
  set_gradients(0.25F);
  bias_.mutable_grad().reset();
  optimizer.step(0.1, 1.0);
  EXPECT_EQ(first(bias_), 1.0);
}

}  // namespace
}  // namespace touchstone
