// Tiny checkpoints written by transformers, with the logits that it computes: every rope type, bias, dtype and
// activation.
#include <gtest/gtest.h>

#include "harness/base/json.hpp"
#include "harness/model/ops.hpp"
#include "tests/backends/families.hpp"

namespace touchstone {
namespace {

const std::filesystem::path fixtures = std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "tests/backends/fixtures";

struct Expected {
  Tensor ids;
  Tensor last;  ///< [4, V]
};

Expected expected_of(const std::string& name) {
  const auto json = read_json(fixtures / name / "logits.json");
  std::vector<float> values;
  for (const auto& row : json["last"]) {
    for (const auto& value : row) values.push_back(value.get<float>());
  }
  return {.ids = at::tensor(json["ids"].get<std::vector<std::int64_t>>(), at::kLong),
          .last = at::tensor(values, at::kFloat).view({static_cast<std::int64_t>(json["last"].size()), -1})};
}

double largest_difference(const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); }

class Fixture : public ::testing::TestWithParam<const char*> {};

TEST_P(Fixture, OperatorsEqualTransformers) {
  const auto expected = expected_of(GetParam());
  const auto model = testing::all_families()->load(fixtures / GetParam(), {.plain_operators = true});
  const at::NoGradGuard no_gradients;
  const auto logits = model->forward({.tokens = expected.ids}, {}).logits;
  EXPECT_LT(largest_difference(logits.slice(0, -4), expected.last), 1e-4);
}

TEST_P(Fixture, PackedKernelsEqualTransformers) {
  const auto expected = expected_of(GetParam());
  const auto model = testing::all_families()->load(fixtures / GetParam(), {.answering = true});
  EXPECT_EQ(model->kernels().substr(0, 7), "packed-");
  const auto logits = model->forward({.tokens = expected.ids}, {}).logits;
  EXPECT_LT(largest_difference(logits.slice(0, -4), expected.last), 1e-4);
}

// bfloat16 products: our kernels against LibTorch's operators, which round at other places.
TEST_P(Fixture, PackedBfloat16IsNearTheOperators) {
  const auto expected = expected_of(GetParam());
  const auto checkpoints = testing::all_families();
  const LoadSettings plain{.storage = at::kBFloat16, .compute = at::kBFloat16, .plain_operators = true};
  auto packed = plain;
  packed.answering = true;
  packed.plain_operators = false;
  const at::NoGradGuard no_gradients;
  const auto a = checkpoints->load(fixtures / GetParam(), plain)->forward({.tokens = expected.ids}, {}).logits;
  const auto b = checkpoints->load(fixtures / GetParam(), packed)->forward({.tokens = expected.ids}, {}).logits;
  const auto scale = expected.last.abs().max().item<double>();
  EXPECT_LT(largest_difference(b.slice(0, -4), expected.last), 0.06 * scale);
  EXPECT_LT(largest_difference(a, b), 0.08 * scale);
}

// Pieces through the cache, several documents at once: the bits of one call on one document.
TEST_P(Fixture, PackedBitsDoNotDependOnTheCall) {
  const auto ids = expected_of(GetParam()).ids.slice(0, 0, 30);  // "dynamic" stretches longer ones as a whole
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const auto model =
        testing::all_families()->load(fixtures / GetParam(), {.storage = dtype, .compute = dtype, .answering = true});
    const auto whole = model->forward({.tokens = ids}, {}).logits;
    const auto cache = model->make_cache(2);
    Inputs first{.tokens = at::cat({ids.slice(0, 0, 11), ids.slice(0, 0, 4)}), .starts = {0, 11, 15}};
    const auto a = model->forward(first, {}, cache.get()).logits;
    EXPECT_TRUE(at::equal(a, at::cat({whole.slice(0, 0, 11), whole.slice(0, 0, 4)})));
    EXPECT_EQ(cache->fork(0, 7), 2);
    Inputs second{.tokens = at::cat({ids.slice(0, 4, 5), ids.slice(0, 7, 30)}), .starts = {0, 0, 1, 24}};
    const auto b = model->forward(second, {}, cache.get()).logits;
    EXPECT_TRUE(at::equal(b, at::cat({whole.slice(0, 4, 5), whole.slice(0, 7, 30)})));
    EXPECT_EQ(cache->length(0), 11);
    EXPECT_EQ(cache->length(2), 30);
    cache->keep({2});
    cache->truncate(0, 29);
    const auto c = model->forward({.tokens = ids.slice(0, 29, 30)}, {}, cache.get()).logits;
    EXPECT_TRUE(at::equal(c, whole.slice(0, 29, 30)));
  }
}

TEST_P(Fixture, AttentionAndHiddenStatesOfTheOperators) {
  const auto ids = expected_of(GetParam()).ids;
  const auto model = testing::all_families()->load(fixtures / GetParam(), {.plain_operators = true});
  const at::NoGradGuard no_gradients;
  Want want;
  want.hidden = true;
  want.hidden_layers = {2, 0};
  want.attention_layers = {1};
  const auto watched = model->forward({.tokens = ids}, want);
  EXPECT_LT(largest_difference(watched.logits, model->forward({.tokens = ids}, {}).logits), 1e-4);
  ASSERT_EQ(watched.hidden_layers.size(), 2U);
  EXPECT_FALSE(at::equal(watched.hidden_layers[0], watched.hidden_layers[1]));
  const auto sums = watched.attention.at(0).at(0).sum(-1);
  EXPECT_LT(largest_difference(sums, at::ones_like(sums)), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, Fixture,
                         ::testing::Values("default", "old_keys", "linear", "dynamic", "llama3", "yarn", "yarn_mscale",
                                           "biases", "head_dim", "tied", "float16", "float32", "bitnet"),
                         [](const auto& one) { return std::string(one.param); });

}  // namespace
}  // namespace touchstone
