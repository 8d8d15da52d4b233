// The kernels that training runs on, against LibTorch's own operators: values, gradients, what they do not touch.
#include <gtest/gtest.h>

#include "harness/model/ops.hpp"
#include "tests/backends/families.hpp"

namespace touchstone {
namespace {

/// stories260k has a tied head; the fixtures have the rest.
std::filesystem::path checkpoint(const std::string& name) {
  const std::filesystem::path root = TOUCHSTONE_SOURCE_DIR;
  return name == "stories260k" ? root / "models" / name : root / "tests/backends/fixtures" / name;
}

/// Three documents, one of them empty and one of a single token.
Inputs three_documents(std::int64_t vocabulary) {
  at::manual_seed(3);
  return {.tokens = at::randint(vocabulary, {38}, at::kLong), .starts = {0, 21, 21, 22, 38}};
}

/// A low-rank change, as an adapter is.
class LowRank final : public Delta {
 public:
  LowRank(std::int64_t out, std::int64_t in) {
    down_ = (at::randn({2, in}) * 0.3).requires_grad_(true);
    up_ = (at::randn({out, 2}) * 0.3).requires_grad_(true);
  }
  Tensor apply(const Tensor& x, const Tensor&, const Linear&) const override {
    return at::mm(at::mm(x.to(at::kFloat), down_.t()), up_.t()).to(x.scalar_type());
  }
  Tensor dense(const Linear&) const override { return at::mm(up_, down_); }
  std::vector<std::pair<std::string, Tensor*>> parameters() override {
    return {{"lora_A.weight", &down_}, {"lora_B.weight", &up_}};
  }

 private:
  Tensor down_, up_;
};

/// The same adapters in both models.
void adapt(Model& a, Model& b) {
  auto other = b.linears();
  for (const auto& [name, map] : a.linears()) {
    if (name.find("up_proj") != std::string::npos || name.find("k_proj") != std::string::npos) {
      map->deltas.push_back(std::make_shared<LowRank>(map->weight.size(0), map->weight.size(1)));
      other.at(name)->deltas = map->deltas;
    }
  }
}

std::map<std::string, Tensor> gradients_of(Model& model, const Inputs& inputs, const Want& want, const Tensor& mix) {
  auto parameters = model.parameters();
  for (auto& [name, tensor] : parameters) {
    tensor->requires_grad_(true);
    tensor->mutable_grad().reset();
  }
  for (const auto& [name, map] : model.linears()) {
    for (const auto& delta : map->deltas) {
      for (auto& [part, tensor] : delta->parameters()) {
        tensor->mutable_grad().reset();
        parameters[name + "." + part] = tensor;
      }
    }
  }
  const auto logits = model.forward(inputs, want).logits;
  (at::log_softmax(logits, 1) * mix).sum().backward();
  std::map<std::string, Tensor> gradients;
  for (const auto& [name, tensor] : parameters) gradients[name] = tensor->grad().clone();
  return gradients;
}

struct Pair {
  std::unique_ptr<Model> plain, fused;
};

Pair models_of(const std::string& name, at::ScalarType compute) {
  const auto checkpoints = testing::all_families();
  return {.plain = checkpoints->load(checkpoint(name), {.compute = compute, .plain_operators = true}),
          .fused = checkpoints->load(checkpoint(name), {.compute = compute})};
}

/// Largest difference over the reference's largest value.
double relative(const Tensor& found, const Tensor& expected) {
  return (found - expected).abs().max().item<double>() / (expected.abs().max().item<double>() + 1e-12);
}

/// Of the whole tensors, over the reference's length.
double distance(const Tensor& found, const Tensor& expected) {
  return (found - expected).norm().item<double>() / (expected.norm().item<double>() + 1e-12);
}

class Fused : public ::testing::TestWithParam<const char*> {
 protected:
  void compare(at::ScalarType compute, const Tensor& rows, bool adapted, double bound) {
    const auto models = models_of(GetParam(), compute);
    EXPECT_EQ(models.plain->kernels(), "operators");
    EXPECT_EQ(models.fused->kernels().substr(0, 6), "fused-");
    const auto inputs = three_documents(models.plain->vocabulary());
    if (adapted) adapt(*models.plain, *models.fused);
    Want want;
    want.logits_at = rows;
    const auto mix = at::randn({rows.defined() ? rows.size(0) : 38, models.plain->vocabulary()});
    const auto expected = gradients_of(*models.plain, inputs, want, mix);
    const auto found = gradients_of(*models.fused, inputs, want, mix);
    ASSERT_EQ(found.size(), expected.size());
    for (const auto& [name, gradient] : expected) EXPECT_LT(relative(found.at(name), gradient), bound) << name;
    const at::NoGradGuard no_gradients;
    EXPECT_LT(relative(models.fused->forward(inputs, want).logits, models.plain->forward(inputs, want).logits), bound);
  }
};

TEST_P(Fused, ValuesAndGradientsOfTheOperators) {
  compare(at::kFloat, {}, false, 3e-5);
  compare(at::kFloat, at::tensor({2, 3, 20, 21, 30, 37}, at::kLong), false, 3e-5);
}

TEST_P(Fused, GradientsOfAdapters) { compare(at::kFloat, at::tensor({5, 30}, at::kLong), true, 3e-5); }

// bfloat16 rounds at other places than the operators do; its distance from float32 is of the same size.
TEST_P(Fused, Bfloat16IsAboutAsNearToFloat32AsTheOperators) {
  const auto exact = models_of(GetParam(), at::kFloat).plain;
  const auto models = models_of(GetParam(), at::kBFloat16);
  const auto inputs = three_documents(exact->vocabulary());
  const auto mix = at::randn({38, exact->vocabulary()});
  const auto expected = gradients_of(*exact, inputs, {}, mix);
  const auto plain = gradients_of(*models.plain, inputs, {}, mix);
  const auto fused = gradients_of(*models.fused, inputs, {}, mix);
  for (const auto& [name, gradient] : expected) {
    EXPECT_LT(distance(fused.at(name), gradient), 2 * distance(plain.at(name), gradient) + 1e-2) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, Fused,
                         ::testing::Values("default", "llama3", "yarn_mscale", "biases", "float16", "stories260k"),
                         [](const auto& one) { return std::string(one.param); });

// The weights' bfloat16 copies follow the optimizer's steps.
TEST(FusedCopies, FollowTheWeights) {
  const auto models = models_of("stories260k", at::kBFloat16);
  const auto inputs = three_documents(models.plain->vocabulary());
  const at::NoGradGuard no_gradients;
  const auto before = models.fused->forward(inputs, {}).logits;
  for (auto* model : {models.plain.get(), models.fused.get()}) {
    for (auto& [name, tensor] : model->parameters()) tensor->mul_(0.5);
  }
  const auto after = models.fused->forward(inputs, {}).logits;
  EXPECT_GT(relative(after, before), 0.1);
  EXPECT_LT(relative(after, models.plain->forward(inputs, {}).logits), 0.06);
}

// Two passes before a step add up, and a model that is not trained gives no gradient.
TEST(FusedGradients, AddUp) {
  const auto model = models_of("default", at::kFloat).fused;
  const auto inputs = three_documents(model->vocabulary());
  const auto mix = at::randn({38, model->vocabulary()});
  const auto once = gradients_of(*model, inputs, {}, mix);
  (at::log_softmax(model->forward(inputs, {}).logits, 1) * mix).sum().backward();
  for (auto& [name, tensor] : model->parameters()) EXPECT_LT(relative(tensor->grad(), once.at(name) * 2), 1e-6) << name;
}

TEST(FusedGradients, FrozenWeightsHaveNone) {
  const auto model = models_of("default", at::kFloat).fused;
  auto parameters = model->parameters();
  for (auto& [name, tensor] : parameters) tensor->requires_grad_(false);
  auto* const norm = parameters.at("model.norm.weight");
  norm->requires_grad_(true);
  model->forward(three_documents(model->vocabulary()), {}).logits.square().sum().backward();
  for (auto& [name, tensor] : parameters) EXPECT_EQ(tensor->grad().defined(), tensor == norm) << name;
}

}  // namespace
}  // namespace touchstone
