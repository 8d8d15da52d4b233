// Adapters as they are trained, against peft 0.21.2 (tests/trainers/peft/check_adapter.py make, kinds, prompt, train):
// logits, the gradient of every parameter, and the parameters after five AdamW steps.
#include <gtest/gtest.h>

#include "tests/adapters/adapters.hpp"
#include "trainers/loops/parameter_groups.hpp"

namespace touchstone {
namespace {

using testing::peft_fixtures;

const std::vector<std::int64_t> tokens = {1, 5, 9, 14, 3, 27, 8};

/// Kind, and whether LibTorch's own operators run instead of the training kernels.
class PeftTraining : public ::testing::TestWithParam<std::tuple<const char*, bool>> {
 protected:
  void SetUp() override {
    kind_ = std::get<0>(GetParam());
    session_ = testing::session_of(
        testing::checkpoints().load(peft_fixtures() / "base", {.plain_operators = std::get<1>(GetParam())}));
    const auto files = testing::files_in(peft_fixtures() / kind_);
    testing::adapter_in(files).attach(session_, 0, &files, "fixture");
    wanted_ = testing::checkpoints().read_tensors(peft_fixtures() / "training.safetensors");
  }

  Tensor logits() {
    Inputs inputs;
    inputs.tokens = at::tensor(tokens, at::kLong);
    return session_.model->forward(inputs, {}).logits;
  }
  Tensor loss() {
    const auto count = static_cast<std::int64_t>(tokens.size()) - 1;
    return at::cross_entropy_loss(logits().narrow(0, 0, count), at::tensor(tokens, at::kLong).narrow(0, 1, count));
  }
  void expect_near(const std::string& name, const Tensor& found, double tolerance) {
    const auto& wanted = wanted_.at(kind_ + "/" + name);
    ASSERT_EQ(found.sizes(), wanted.sizes()) << name;
    EXPECT_LE((found - wanted).abs().max().item<double>(), tolerance) << name;
  }

  std::string kind_;
  Session session_;
  NamedTensors wanted_;
};

TEST_P(PeftTraining, LogitsAndLossArePefts) {
  const at::NoGradGuard no_grad;
  expect_near("logits", logits(), 1e-5);
  expect_near("loss", loss(), 1e-6);
}

TEST_P(PeftTraining, GradientsOfAllParametersArePefts) {
  loss().backward();
  const auto trained = testing::trained_of(session_);
  const auto gradients = std::count_if(wanted_.begin(), wanted_.end(),
                                       [&](const auto& entry) { return entry.first.starts_with(kind_ + "/grad/"); });
  EXPECT_EQ(static_cast<std::ptrdiff_t>(trained.size()), gradients);
  for (const auto& [name, tensor] : trained) expect_near("grad/" + name, tensor->grad(), 1e-5);
  for (const auto& [name, tensor] : session_.model->parameters()) EXPECT_FALSE(tensor->grad().defined()) << name;
}

TEST_P(PeftTraining, FiveStepsOfAdamWLeavePeftsParameters) {
  OptimizerOptions options;
  options.learning_rate = 0.01;
  options.max_grad_norm = 0.0;
  ParameterGroups groups(options);
  for (const auto& [name, tensor] : testing::trained_of(session_)) groups.add(NamedParameters{{name, tensor}}, 0.01);
  for (int step = 0; step < 5; ++step) {
    loss().backward();
    groups.step(1.0, 1.0, groups.norms(1.0));
  }
  for (const auto& [name, tensor] : testing::trained_of(session_)) expect_near("end/" + name, tensor->detach(), 2e-5);
}

INSTANTIATE_TEST_SUITE_P(Kinds, PeftTraining,
                         ::testing::Combine(::testing::Values("adapter", "dora", "ia3", "prompt_tuning"),
                                            ::testing::Bool()));

}  // namespace
}  // namespace touchstone
