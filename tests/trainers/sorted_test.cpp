// Objectives that look into the model: the sorted likelihood of several exits, and the seam below it.
#include <gmock/gmock.h>

#include "harness/train/run_objective.hpp"
#include "tests/trainers/tiny.hpp"
#include "tests/trainers/worked.hpp"
#include "trainers/losses/loss.hpp"

namespace touchstone {
namespace {

using ::testing::HasSubstr;
using testing::mean;
using testing::objective;

/// Two rows of the tiny vocabulary; the first has weights.
std::vector<Row> two_rows() {
  Row first;
  first.ids = {1, 40, 41, 42, 43, 44, 2};
  first.prompt_tokens = 3;
  Row second;
  second.ids = {1, 50, 60, 70, 80, 90, 33, 21, 2};
  second.prompt_tokens = 2;
  return {first, second};
}

Batch batch_of(const std::vector<Row>& rows) { return make_batch(rows, {0, 1}, Normaliser::token_mean, at::kCPU); }

std::unique_ptr<Model> tiny(const std::filesystem::path& folder, bool plain, std::uint64_t seed = 7) {
  auto model = testing::checkpoints().load(testing::make_tiny(folder, seed), {.plain_operators = plain});
  for (auto& [name, tensor] : model->parameters()) tensor->requires_grad_(true);
  return model;
}

struct Slopes {
  double loss = 0.0;
  std::map<std::string, Tensor> by_name;  ///< without those that have none
};

Slopes slopes_of(Model& model, const Objective& objective, const Batch& batch, std::int64_t chunk = 0,
                 Model* frozen = nullptr) {
  const auto totals =
      accumulate_loss({.model = &model, .reference = frozen, .objective = &objective, .chunk_positions = chunk}, batch);
  Slopes slopes{.loss = totals.sum, .by_name = {}};
  for (auto& [name, tensor] : model.parameters()) {
    if (tensor->grad().defined()) slopes.by_name[name] = tensor->grad().clone();
    tensor->mutable_grad().reset();
  }
  return slopes;
}

// Sorted LLaMA's worked case: losses 2.3, 1.7 and 1.1 of three exits make 1.7.
TEST(Sorted, TheLossIsTheMeanOverExits) {
  ModelBatch batch;
  for (const double nll : {2.3, 1.7, 1.1}) {
    batch.model.exit_logp.push_back(at::full({4}, -nll, at::kDouble).requires_grad_(true));
  }
  batch.labels = at::zeros({4}, at::kLong);
  const auto sorted = objective<ModelLoss>(R"({"use": "sorted", "exits": [1, 2]})");
  EXPECT_EQ(sorted.layers.exits, (std::vector<int>{1, 2, -1}));
  const auto loss = sorted.loss(batch);
  EXPECT_NEAR(mean(loss), 1.7, 1e-12);
  EXPECT_NEAR(loss.logged.at("nll") / 4, 1.1, 1e-12);
  EXPECT_NEAR(loss.logged.at("nll_1") / 4, 2.3, 1e-12);
  batch.weights = at::tensor({1.0, 0.0, 0.0, 0.0}, at::kDouble);
  EXPECT_NEAR(sorted.loss(batch).sum.item<double>(), 1.7, 1e-12);
}

class Inside : public ::testing::TestWithParam<bool> {
 protected:
  const testing::TemporaryFolder folder_;
  std::unique_ptr<Model> model_ = tiny(folder_.path() / "model", GetParam());
  const std::vector<Row> rows_ = two_rows();
  const Batch batch_ = batch_of(rows_);
};

TEST_P(Inside, TheLastExitAloneIsLikelihoodToTheLastBit) {
  const auto wanted = slopes_of(*model_, testing::any_objective(R"({"use": "sft"})"), batch_);
  const auto found = slopes_of(*model_, testing::any_objective(R"({"use": "sorted"})"), batch_);
  EXPECT_EQ(found.loss, wanted.loss);
  ASSERT_EQ(found.by_name.size(), wanted.by_name.size());
  for (const auto& [name, slope] : wanted.by_name) EXPECT_TRUE(at::equal(found.by_name.at(name), slope)) << name;
}

// By hand: exit 1 is likelihood of a model without the layers above, whose gradient is added, halved.
TEST_P(Inside, ExitsPullTheLayersBelowThemAlone) {
  const auto sft = testing::any_objective(R"({"use": "sft"})");
  const auto last = slopes_of(*model_, sft, batch_);
  const auto both = slopes_of(*model_, testing::any_objective(R"({"use": "sorted", "exits": [1]})"), batch_);
  auto cut = model_->clone();
  cut->drop_layers(1, 1);
  for (auto& [name, tensor] : cut->parameters()) tensor->requires_grad_(true);
  const auto first = slopes_of(*cut, sft, batch_);
  EXPECT_NEAR(both.loss, 0.5 * (last.loss + first.loss), 1e-5 * both.loss);
  for (const auto& [name, slope] : last.by_name) {
    const bool above = first.by_name.count(name) == 0;
    EXPECT_EQ(above, name.find("layers.1.") != std::string::npos) << name;
    const auto wanted = above ? 0.5 * slope : 0.5 * (slope + first.by_name.at(name));
    EXPECT_LE((both.by_name.at(name) - wanted).abs().max().item<double>(), 2e-5 * wanted.abs().max().item<double>())
        << name;
  }
}

TEST_P(Inside, ChunksOfTheHeadChangeNothing) {
  const auto sorted = testing::any_objective(R"({"use": "sorted", "exits": [1]})");
  const auto whole = slopes_of(*model_, sorted, batch_, 1000);
  const auto parts = slopes_of(*model_, sorted, batch_, 3);
  EXPECT_NEAR(parts.loss, whole.loss, 1e-6 * whole.loss);
  for (const auto& [name, slope] : whole.by_name) {
    EXPECT_LE((parts.by_name.at(name) - slope).abs().max().item<double>(), 1e-5 * slope.abs().max().item<double>());
  }
}

/// Along the gradient of each tensor the loss rises as fast as the gradient is long.
void expect_slopes(Model& model, const Objective& objective, const Batch& batch, const std::vector<std::string>& still,
                   Model* frozen = nullptr) {
  const auto slopes = slopes_of(model, objective, batch, 0, frozen);
  const auto value = [&] {
    const at::NoGradGuard no_grad;
    return accumulate_loss({.model = &model, .reference = frozen, .objective = &objective}, batch).sum;
  };
  for (auto& [name, tensor] : model.parameters()) {
    const bool is_still = std::any_of(
        still.begin(), still.end(), [&, own = name](const auto& part) { return own.find(part) != std::string::npos; });
    EXPECT_EQ(slopes.by_name.count(name) == 0, is_still) << name;
    if (is_still) continue;
    const auto slope = slopes.by_name.at(name);
    const auto length = slope.norm().item<double>();
    ASSERT_GT(length, 0.0) << name;
    const at::NoGradGuard no_grad;
    const auto before = tensor->clone();
    const double step = 2e-3;
    tensor->add_(slope, step / length);
    const auto above = value();
    tensor->copy_(before).sub_(slope, step / length);
    const auto below = value();
    tensor->copy_(before);
    EXPECT_NEAR((above - below) / (2 * step), length, 0.02 * length + 2e-3) << name;
  }
}

TEST_P(Inside, GradientsOfExitsAgainstFiniteDifferences) {
  expect_slopes(*model_, testing::any_objective(R"({"use": "sorted", "exits": [1]})"), batch_, {});
}

LossSum sum_of(const Tensor& sum) { return {.sum = sum, .count = 1.0, .logged = {}}; }

// States against those of a frozen model: the layer above, the norm and the head are not there for the loss.
TEST_P(Inside, GradientsOfHiddenStatesReachTheLayersBelow) {
  const auto frozen = tiny(folder_.path() / "frozen", GetParam(), 8);
  ModelLoss match;
  match.layers.hidden = {1};
  match.frozen = "teacher";
  match.loss = [](const ModelBatch& batch) {
    EXPECT_FALSE(batch.frozen.hidden[0].requires_grad());
    EXPECT_EQ(batch.model.hidden[0].size(0), batch.tokens.size(0));
    const auto apart = (batch.model.hidden[0] - batch.frozen.hidden[0]).index_select(0, batch.at);
    return sum_of(apart.square().sum());
  };
  EXPECT_EQ(needs_of(match).frozen, std::vector<std::string>{"teacher"});
  expect_slopes(*model_, match, batch_, {"layers.1.", "model.norm", "lm_head"}, frozen.get());
  // A model is where it is.
  EXPECT_EQ(slopes_of(*model_, match, batch_, 0, model_.get()).loss, 0.0);
}

TEST_P(Inside, GradientsOfAttentionReachQueriesAndKeys) {
  ModelLoss sharp;
  sharp.layers.attention = {1};
  sharp.loss = [](const ModelBatch& batch) {
    EXPECT_EQ(batch.model.attention[0].size(), 2U);
    EXPECT_EQ(batch.model.attention[0][1].sizes(), at::IntArrayRef({4, 8, 8}));
    return sum_of(batch.model.attention[0][0].square().sum() + batch.model.attention[0][1].select(2, 0).sum());
  };
  expect_slopes(*model_, sharp, batch_,
                {"layers.1.mlp", "layers.1.post", "layers.1.self_attn.v_proj", "layers.1.self_attn.o_proj",
                 "model.norm", "lm_head"});
}

TEST_P(Inside, GradientsOfQueriesKeysAndValues) {
  ModelLoss small;
  small.layers.qkv = {-1};
  small.layers.exits = {1};
  small.loss = [](const ModelBatch& batch) {
    const auto& one = batch.model.qkv[0];
    EXPECT_EQ(one.query.sizes(), at::IntArrayRef({14, 4, 8}));
    EXPECT_EQ(one.key.sizes(), at::IntArrayRef({14, 2, 8}));
    return sum_of(one.query.square().sum() + 2.0 * one.key.square().sum() + one.value.square().sum() -
                  batch.model.exit_logp[0].sum());
  };
  expect_slopes(*model_, small, batch_, {"layers.1.mlp", "layers.1.post", "layers.1.self_attn.o_proj"});
}

TEST_P(Inside, LayersThatAreNotThereAreNamed) {
  const auto fault = [&](Layers layers) -> std::string {
    try {
      want_of(layers, *model_);
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::config);
      return error.what();
    }
    return "nothing was wrong";
  };
  EXPECT_EQ(fault({.hidden = {0, 2}, .exits = {-1}, .attention = {-1}, .qkv = {0, 1}}), "nothing was wrong");
  EXPECT_EQ(fault({.exits = {3}}),
            "exits of layers: found layer 3, expected at most 2 in this model, or -1 for the last");
  EXPECT_THAT(fault({.attention = {2}}), HasSubstr("attention of layers: found layer 2, expected at most 1"));
  EXPECT_THAT(fault({.hidden = {-4}}), HasSubstr("found layer -4"));
  EXPECT_THAT(fault({.exits = {2, -1}}), HasSubstr("found layer 2 twice"));
}

INSTANTIATE_TEST_SUITE_P(Kernels, Inside, ::testing::Values(false, true),
                         [](const auto& tested) { return tested.param ? "plain" : "fused"; });

TEST(Sorted, IsTrainedByItsStageAlone) {
  const testing::TemporaryFolder folder;
  auto job = testing::tiny_job(folder.path());
  const auto fault = [&](const std::string& train) -> std::string {
    job.recipe = testing::write_recipe(
        folder.path(), R"([{"use": "load", "task": "$train_on"}, {"use": "train", "max_steps": 2, )" + train + "}]");
    try {
      testing::run_job(job);
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing was wrong";
  };
  EXPECT_EQ(fault(R"("objective": {"use": "sorted", "exits": [1]})"), "nothing was wrong");
  EXPECT_THAT(fault(R"("objective": {"use": "sorted", "exits": [2]})"), HasSubstr("found layer 2 twice"));
  EXPECT_THAT(fault(R"("objective": {"use": "sorted", "exits": [1.5]})"), HasSubstr("found [1.5], expected a list"));
  EXPECT_THAT(fault(R"("objective": "sorted", "loss_normaliser": "sequence_mean")"), HasSubstr("a model's inside"));
  EXPECT_THROW(run_objective("sorted", "", {}, testing::trainer_book()), Error);
}

}  // namespace
}  // namespace touchstone
