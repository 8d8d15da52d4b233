// Groups of parameters with rates and norms of their own.
#include "trainers/loops/parameter_groups.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

using ::testing::ElementsAre;

class Groups : public ::testing::Test {
 protected:
  Groups() {
    options_.learning_rate = 0.25;
    options_.max_grad_norm = 1.0;
  }
  void give_gradients() {
    own_.mutable_grad() = at::tensor({3.0F, 4.0F});
    module_.mutable_grad() = at::tensor({-6.0F, 8.0F});
  }
  /// The model's group, and a module of this rate.
  ParameterGroups groups(double module_rate) {
    ParameterGroups all(options_);
    all.add({{"own", &own_}}, options_.learning_rate);
    all.add(Module{.parameters = {{"beside", &module_}}, .learning_rate = module_rate});
    return all;
  }
  OptimizerOptions options_;
  Tensor own_ = at::zeros({2});
  Tensor module_ = at::zeros({2});
};

TEST_F(Groups, HaveNormsOfTheirOwn) {
  auto all = groups(0.5);
  give_gradients();
  EXPECT_THAT(all.norms(1.0), ElementsAre(5.0, 10.0));
  EXPECT_THAT(all.norms(2.0), ElementsAre(2.5, 5.0));
  EXPECT_THAT(all.norms(0.0), ElementsAre(0.0, 0.0));
}

// AdamW's first step is the rate times the gradient's sign, but for epsilon.
TEST_F(Groups, MoveAtRatesOfTheirOwn) {
  for (const auto& [given, used] : {std::pair(0.5, 0.5), std::pair(0.0, 0.25)}) {
    own_ = at::zeros({2});
    module_ = at::zeros({2});
    auto all = groups(given);
    give_gradients();
    all.step(/*factor=*/0.5, /*divisor=*/1.0, all.norms(1.0));
    EXPECT_NEAR(own_[0].item<double>(), -0.125, 1e-6);
    EXPECT_NEAR(module_[0].item<double>(), used * 0.5, 1e-6);
    EXPECT_NEAR(module_[1].item<double>(), -used * 0.5, 1e-6);
  }
}

TEST_F(Groups, ComeBackFromAState) {
  auto all = groups(0.5);
  give_gradients();
  all.step(1.0, 1.0, all.norms(1.0));
  TrainState state;
  state.step = 1;
  all.save(state, /*with_moments=*/true);
  for (auto& [name, tensor] : state.weights) tensor = tensor.clone();
  for (auto& [name, tensor] : state.moments) tensor = tensor.clone();
  give_gradients();
  all.step(1.0, 1.0, all.norms(1.0));
  const auto wanted = module_.detach().clone();
  auto again = groups(0.5);
  {
    const at::NoGradGuard no_grad;
    module_.fill_(7.0);
  }
  again.restore(state, /*with_moments=*/true);
  give_gradients();
  again.step(1.0, 1.0, again.norms(1.0));
  EXPECT_TRUE(module_.equal(wanted));
  state.weights.erase("beside");
  EXPECT_THROW(again.restore(state, true), Error);
}

TEST_F(Groups, WithoutParametersAreLeftOut) {
  ParameterGroups all(options_);
  all.add(NamedParameters(), 0.1);
  all.add(Module{.parameters = {{"beside", &module_}}});
  module_.mutable_grad() = at::tensor({-6.0F, 8.0F});
  EXPECT_THAT(all.norms(1.0), ElementsAre(10.0));
}

}  // namespace
}  // namespace touchstone
