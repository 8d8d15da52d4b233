// Tiny vision-language checkpoints written by transformers, with the soft tokens and logits that it computes: one tile
// and several (a split picture), grids whose places round at the border, tied and untied heads.
#include <gtest/gtest.h>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/model/ops.hpp"
#include "tests/backends/families.hpp"

namespace touchstone {
namespace {

const std::filesystem::path fixtures = std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "tests/backends/vision";

struct Expected {
  Tensor ids;
  Tensor tiles;    ///< [T, 3, H, W]
  Tensor soft_at;  ///< where the image token stands
  Tensor soft;     ///< every (rows / 8)-th soft token
  std::int64_t soft_step = 1;
  Tensor last;  ///< [4, V]
};

Tensor rows_of(const Json& json) {
  std::vector<float> values;
  for (const auto& row : json) {
    for (const auto& value : row) values.push_back(value.get<float>());
  }
  return at::tensor(values, at::kFloat).view({static_cast<std::int64_t>(json.size()), -1});
}

/// The same formula as in make_vision_fixtures.py.
Tensor pixels(const std::vector<std::int64_t>& shape) {
  const auto axis = [&](std::size_t at) {
    std::vector<std::int64_t> view(4, 1);
    view[at] = shape[at];
    return at::arange(shape[at], at::kLong).view(view);
  };
  const auto sum = axis(0) * 31 + axis(1) * 7 + axis(2) * 13 + axis(3) * 29 + axis(3) * axis(2);
  return (sum.remainder(255).to(at::kDouble) / 127.5 - 1.0).to(at::kFloat);
}

Expected expected_of(const std::string& name) {
  const auto json = read_json(fixtures / name / "logits.json");
  Expected expected;
  expected.ids = at::tensor(json["ids"].get<std::vector<std::int64_t>>(), at::kLong);
  expected.tiles = pixels(json["tiles"].get<std::vector<std::int64_t>>());
  expected.soft_at = expected.ids.eq(json["image_token"].get<std::int64_t>()).nonzero().reshape({-1});
  expected.soft = rows_of(json["soft"]);
  expected.soft_step = std::max<std::int64_t>(1, json["soft_rows"].get<std::int64_t>() / 8);
  expected.last = rows_of(json["last"]);
  return expected;
}

double largest_difference(const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); }

class Vision : public ::testing::TestWithParam<const char*> {};

TEST_P(Vision, SoftTokensAndLogitsEqualTransformers) {
  const auto expected = expected_of(GetParam());
  for (const bool answering : {false, true}) {
    for (const bool plain : {false, true}) {
      const auto model =
          testing::all_families()->load(fixtures / GetParam(), {.answering = answering, .plain_operators = plain});
      const at::NoGradGuard no_gradients;
      const auto soft = model->encode(MediaKind::picture, expected.tiles);
      ASSERT_EQ(soft.size(0), expected.soft_at.size(0));
      EXPECT_LT(largest_difference(soft.slice(0, 0, std::nullopt, expected.soft_step), expected.soft), 1e-4);
      const auto logits =
          model->forward({.tokens = expected.ids, .soft = soft, .soft_at = expected.soft_at}, {}).logits;
      EXPECT_LT(largest_difference(logits.slice(0, -4), expected.last), 1e-4) << answering << plain;
    }
  }
}

TEST_P(Vision, ATileDoesNotDependOnTheOthers) {
  const auto tiles = expected_of(GetParam()).tiles;
  const auto model = testing::all_families()->load(fixtures / GetParam(), {.answering = true});
  const at::NoGradGuard no_gradients;
  const auto all = model->encode(MediaKind::picture, tiles);
  const auto rows = all.size(0) / tiles.size(0);
  for (std::int64_t at = 0; at < tiles.size(0); ++at) {
    EXPECT_TRUE(at::equal(model->encode(MediaKind::picture, tiles.narrow(0, at, 1)), all.narrow(0, at * rows, rows)));
  }
}

// Every parameter is named as in the file, is seen by the gradient, and a copy stands for itself.
TEST_P(Vision, GradientsReachEveryParameterAndCopiesAreDeep) {
  const auto expected = expected_of(GetParam());
  const auto model = testing::all_families()->load(fixtures / GetParam(), {});
  for (const auto& [name, tensor] : model->parameters()) tensor->set_requires_grad(true);
  const auto soft = model->encode(MediaKind::picture, expected.tiles);
  const auto logits = model->forward({.tokens = expected.ids, .soft = soft, .soft_at = expected.soft_at}, {}).logits;
  logits.square().sum().backward();
  for (const auto& [name, tensor] : model->parameters()) {
    ASSERT_TRUE(tensor->grad().defined()) << name;
    // A bias of the keys shifts all scores of a row alike; the softmax does not see it.
    const bool unseen = name.ends_with("k_proj.bias");
    EXPECT_TRUE(unseen || tensor->grad().abs().max().item<double>() > 0.0) << name;
  }
  const at::NoGradGuard no_gradients;
  // Without gradients tiles run one by one, which sums in another order: a bound relative to the size of the rows.
  const auto alone = model->encode(MediaKind::picture, expected.tiles);
  EXPECT_LT(largest_difference(alone, soft.detach()), 1e-5 * alone.abs().max().item<double>());
  const auto copy = model->clone();
  EXPECT_EQ(copy->parameters().size(), model->parameters().size());
  for (const auto& [name, tensor] : model->parameters()) tensor->zero_();
  EXPECT_TRUE(at::equal(copy->encode(MediaKind::picture, expected.tiles), alone));
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, Vision,
                         ::testing::Values("one_tile", "split", "grid26", "grid7", "smolvlm", "bfloat16"),
                         [](const auto& one) { return std::string(one.param); });

TEST(VisionFamily, WrongTilesAndTextFamiliesAreRefused) {
  const auto checkpoints = testing::all_families();
  const auto model = checkpoints->load(fixtures / "one_tile", {});
  EXPECT_THROW(model->encode(MediaKind::picture, at::zeros({1, 3, 30, 32})), Error);
  EXPECT_THROW(model->encode(MediaKind::picture, at::zeros({1, 1, 32, 32})), Error);
  EXPECT_THROW(model->encode(MediaKind::picture, at::zeros({1, 3, 8, 32})), Error);
  const auto text = checkpoints->load(fixtures.parent_path() / "fixtures/default", {});
  EXPECT_THROW(text->encode(MediaKind::picture, at::zeros({1, 3, 32, 32})), Error);
  EXPECT_THROW(model->encode(MediaKind::audio, at::zeros({1, 80, 3000})), Error);
  EXPECT_THROW(model->soft_tokens(MediaKind::frames, 8), Error);
}

}  // namespace
}  // namespace touchstone
