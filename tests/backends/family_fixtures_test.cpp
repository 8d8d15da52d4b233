// Tiny checkpoints of each family, against all that transformers computes of them: logits, what each layer gives,
// gradients of all weights, tokens written with a cache; on operators and on the kernels.
#include <gtest/gtest.h>

#include <algorithm>

#include "harness/model/ops.hpp"
#include "tests/backends/families.hpp"

namespace touchstone {
namespace {

const std::filesystem::path fixtures = std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "tests/backends/family_fixtures";

const LoadSettings operators{.plain_operators = true};
const LoadSettings training{};
const LoadSettings answering{.answering = true};
constexpr double float32_bound = 1e-4;
constexpr double bfloat16_bound = 3e-2;

double largest_difference(const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); }
/// Over the largest value of the reference.
double relative(const Tensor& found, const Tensor& expected) {
  return largest_difference(found, expected) / expected.abs().max().item<double>();
}

std::vector<std::int64_t> greedy(Model& model, const Tensor& prompt, std::int64_t count) {
  const auto cache = model.make_cache(1);
  std::vector<std::int64_t> made;
  auto next = prompt;
  while (static_cast<std::int64_t>(made.size()) < count) {
    const auto logits = model.forward({.tokens = next}, {}, cache.get()).logits;
    made.push_back(logits[-1].argmax().item<std::int64_t>());
    next = at::tensor({made.back()}, at::kLong);
  }
  return made;
}

class FamilyFixture : public ::testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Model> open(const LoadSettings& settings) const { return checkpoints_->load(folder_, settings); }
  const Tensor& expected(const std::string& name) const { return expected_.at(name); }

  std::filesystem::path folder_ = fixtures / GetParam();
  std::unique_ptr<Checkpoints> checkpoints_ = testing::all_families();
  NamedTensors expected_ = checkpoints_->read_tensors(folder_ / "expected.safetensors");
};

TEST_P(FamilyFixture, LogitsOnEveryPath) {
  const at::NoGradGuard no_gradients;
  for (const auto& settings : {operators, training, answering}) {
    const auto model = open(settings);
    const std::string wanted = settings.plain_operators ? "operators" : settings.answering ? "packed-" : "fused-";
    EXPECT_EQ(model->kernels().substr(0, wanted.size()), wanted);
    const auto logits = model->forward({.tokens = expected("ids")}, {}).logits;
    EXPECT_LT(relative(logits, expected("logits")), float32_bound) << wanted;
  }
}

TEST_P(FamilyFixture, LogitsInBfloat16) {
  const at::NoGradGuard no_gradients;
  for (const bool packed : {false, true}) {
    const auto model =
        open({.storage = at::kBFloat16, .compute = at::kBFloat16, .answering = packed, .plain_operators = !packed});
    const auto logits = model->forward({.tokens = expected("ids")}, {}).logits;
    // As near to the exact numbers as the reference is in bfloat16, or within the bound of it.
    const auto own = relative(logits, expected("logits"));
    const auto reference = relative(expected("half"), expected("logits"));
    EXPECT_LT(own, std::max(bfloat16_bound, 1.5 * reference)) << packed;
  }
}

TEST_P(FamilyFixture, WhatEachLayerGives) {
  const at::NoGradGuard no_gradients;
  const auto model = open(operators);
  Want want;
  for (int layer = 0; layer <= model->layers(); ++layer) want.hidden_layers.push_back(layer);
  const auto found = model->forward({.tokens = expected("ids")}, want).hidden_layers;
  ASSERT_EQ(found.size(), static_cast<std::size_t>(model->layers()) + 1);
  for (int at = 0; at < model->layers(); ++at) {
    const auto& wanted = expected("layer." + std::to_string(at));
    EXPECT_LT(relative(found[static_cast<std::size_t>(at) + 1], wanted), float32_bound) << at;
  }
}

TEST_P(FamilyFixture, GradientsOfAllWeights) {
  for (const auto& settings : {operators, training}) {
    const auto model = open(settings);
    const auto& ids = expected("ids");
    for (const auto& [name, tensor] : model->parameters()) tensor->set_requires_grad(true);
    const auto logits = model->forward({.tokens = ids}, {}).logits;
    at::cross_entropy_loss(logits.slice(0, 0, -1), ids.slice(0, 1)).backward();
    std::ptrdiff_t seen = 0;
    for (const auto& [name, tensor] : model->parameters()) {
      const auto& wanted = expected("gradient." + name);
      EXPECT_LT(largest_difference(tensor->grad(), wanted), float32_bound * wanted.abs().max().item<double>() + 1e-7)
          << name << " " << model->kernels();
      ++seen;
    }
    const auto wanted = std::count_if(expected_.begin(), expected_.end(),
                                      [](const auto& one) { return one.first.starts_with("gradient."); });
    EXPECT_EQ(seen, wanted) << "as many weights as the reference";
  }
}

TEST_P(FamilyFixture, TokensWrittenWithACache) {
  const at::NoGradGuard no_gradients;
  const auto& wanted = expected("greedy");
  const std::vector<std::int64_t> tokens(wanted.const_data_ptr<std::int64_t>(),
                                         wanted.const_data_ptr<std::int64_t>() + wanted.size(0));
  for (const auto& settings : {operators, answering}) {
    EXPECT_EQ(greedy(*open(settings), expected("ids").slice(0, 0, 9), wanted.size(0)), tokens);
  }
}

// Documents side by side give the bits of single ones when answering, and no document sees another when training.
TEST_P(FamilyFixture, DocumentsDoNotSeeEachOther) {
  const at::NoGradGuard no_gradients;
  const auto& ids = expected("ids");
  const auto model = open(answering);
  const Inputs packed{.tokens = at::cat({ids, ids.slice(0, 3, 12)}), .starts = {0, ids.size(0), ids.size(0) + 9}};
  const auto all = model->forward(packed, {}).logits;
  EXPECT_TRUE(at::equal(all.slice(0, 0, ids.size(0)), model->forward({.tokens = ids}, {}).logits));
  EXPECT_TRUE(at::equal(all.slice(0, ids.size(0)), model->forward({.tokens = ids.slice(0, 3, 12)}, {}).logits));
  const auto trained = open(training);
  EXPECT_LT(relative(trained->forward(packed, {}).logits, all), float32_bound);
}

// Adapters where they go in every family, and a copy that stands for itself.
TEST_P(FamilyFixture, MapsAndCopies) {
  const at::NoGradGuard no_gradients;
  const auto model = open(training);
  EXPECT_EQ(model->linears().size(), static_cast<std::size_t>(7 * model->layers()));
  const auto before = model->forward({.tokens = expected("ids")}, {}).logits;
  const auto copy = model->clone();
  for (const auto& [name, tensor] : model->parameters()) tensor->zero_();
  EXPECT_TRUE(at::equal(copy->forward({.tokens = expected("ids")}, {}).logits, before));
}

TEST_P(FamilyFixture, WrittenAndReadAgain) {
  const at::NoGradGuard no_gradients;
  const auto model = open(training);
  const auto target = std::filesystem::path(::testing::TempDir()) / ("written_" + std::string(GetParam()));
  std::filesystem::remove_all(target);
  checkpoints_->write(target, *model, folder_);
  const auto again = checkpoints_->load(target, training);
  const auto weights = model->parameters();
  for (const auto& [name, tensor] : again->parameters()) EXPECT_TRUE(at::equal(*tensor, *weights.at(name))) << name;
  EXPECT_LT(relative(again->forward({.tokens = expected("ids")}, {}).logits, expected("logits")), float32_bound);
  std::filesystem::remove_all(target);
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, FamilyFixture,
                         ::testing::Values("qwen2_windows", "qwen2_tied", "qwen3_windows", "qwen3_defaults",
                                           "gemma3_new", "gemma3_old"),
                         [](const auto& one) { return std::string(one.param); });

}  // namespace
}  // namespace touchstone
