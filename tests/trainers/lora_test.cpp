#include "trainers/adapters/lora.hpp"

#include <gtest/gtest.h>

#include "harness/base/error.hpp"
#include "tests/trainers/tiny.hpp"

namespace touchstone {
namespace {

class Lora : public ::testing::Test {
 protected:
  std::unique_ptr<Model> load() { return testing::checkpoints().load(testing::make_tiny(folder_.path() / "base"), {}); }
  Tensor logits(Model& model) {
    const at::NoGradGuard no_grad;
    Inputs inputs;
    inputs.tokens = at::tensor({1, 20, 30, 40, 50, 60, 70}, at::kLong);
    return model.forward(inputs, {}).logits;
  }
  /// B as training would leave it: not zero.
  void disturb(Model& model) {
    const at::NoGradGuard no_grad;
    auto generator = at::detail::createCPUGenerator(3);
    for (auto& [name, tensor] : trainable_parameters(model)) tensor->normal_(0.0, 0.1, generator);
  }
  testing::TemporaryFolder folder_;
};

TEST_F(Lora, BeginsAsTheModelItself) {
  const auto model = load();
  const auto before = logits(*model);
  attach_lora(*model, {.rank = 4}, 1);
  EXPECT_TRUE(logits(*model).equal(before));
  EXPECT_EQ(trainable_parameters(*model).size(), 2U * 7U * 2U);  // A and B of seven maps in two layers
  for (const auto& [name, tensor] : model->parameters()) EXPECT_FALSE(tensor->requires_grad()) << name;
}

TEST_F(Lora, NamesShapesAndRangeAreThoseOfPeft) {
  const auto model = load();
  attach_lora(*model, {.rank = 4, .target_modules = {"q_proj", "down_proj"}}, 1);
  const auto adapter = adapter_files(*model, {.rank = 4, .target_modules = {"q_proj", "down_proj"}}, "base");
  ASSERT_EQ(adapter.tensors.size(), 8U);
  const auto& a = adapter.tensors.at("base_model.model.model.layers.1.mlp.down_proj.lora_A.weight");
  const auto& b = adapter.tensors.at("base_model.model.model.layers.1.mlp.down_proj.lora_B.weight");
  EXPECT_EQ(a.sizes(), (at::IntArrayRef{4, 48}));
  EXPECT_EQ(b.sizes(), (at::IntArrayRef{32, 4}));
  EXPECT_EQ(b.abs().max().item<double>(), 0.0);
  EXPECT_LE(a.abs().max().item<double>(), 1.0 / std::sqrt(48.0));
  EXPECT_NEAR(a.std().item<double>(), 1.0 / std::sqrt(3.0 * 48.0), 0.02);  // of a uniform draw
}

TEST_F(Lora, ScaleIsAlphaOverRankOrItsRoot) {
  for (const bool stabilised : {false, true}) {
    const auto model = load();
    attach_lora(*model, {.rank = 4, .alpha = 6.0, .rank_stabilised = stabilised, .target_modules = {"q_proj"}}, 1);
    disturb(*model);
    auto& linear = *model->linears().at("model.layers.0.self_attn.q_proj");
    const auto parameters = linear.deltas.front()->parameters();
    const auto product = parameters[1].second->mm(*parameters[0].second) * (stabilised ? 3.0 : 1.5);
    EXPECT_TRUE(at::allclose(linear.deltas.front()->dense(), product, 1e-6, 1e-7));
  }
}

TEST_F(Lora, FoldingKeepsTheLogits) {
  const auto model = load();
  const auto base = logits(*model);
  attach_lora(*model, {.rank = 4}, 1);
  disturb(*model);
  const auto adapted = logits(*model);
  EXPECT_GT((adapted - base).abs().max().item<double>(), 0.1);
  fold_deltas(*model);
  EXPECT_TRUE(model->linears().at("model.layers.0.mlp.up_proj")->deltas.empty());
  EXPECT_LE((logits(*model) - adapted).abs().max().item<double>(), 1e-4);
}

TEST_F(Lora, AdapterFilesComeBackAlike) {
  const auto model = load();
  const LoraOptions options{.rank = 3, .alpha = 5.0, .rank_stabilised = true, .target_modules = {"k_proj", "o_proj"}};
  attach_lora(*model, options, 1);
  disturb(*model);
  const auto adapter = adapter_files(*model, options, "base");
  const auto other = load();
  const auto read = attach_adapter(*other, adapter, "test");
  EXPECT_EQ(read.rank, 3);
  EXPECT_TRUE(read.rank_stabilised);
  EXPECT_EQ(read.target_modules, options.target_modules);
  EXPECT_TRUE(logits(*other).equal(logits(*model)));
}

// tests/golden/peft was written by peft 0.21.2 (tests/trainers/peft/check_adapter.py make).
TEST_F(Lora, AnAdapterOfPeftGivesPeftsLogits) {
  const auto folder = std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "tests" / "golden" / "peft";
  const auto wanted = read_json(folder / "logits.json");
  const auto model = testing::checkpoints().load(folder / "base", {});
  const auto check = [&](const char* what) {
    const at::NoGradGuard no_grad;
    Inputs inputs;
    inputs.tokens = at::tensor(wanted["tokens"].get<std::vector<std::int64_t>>(), at::kLong);
    const auto found = model->forward(inputs, {}).logits;
    for (std::int64_t at = 0; at < found.size(0); ++at) {
      const auto row = at::tensor(wanted[what][static_cast<std::size_t>(at)].get<std::vector<float>>());
      EXPECT_LE((found[at] - row).abs().max().item<double>(), 1e-5) << what << " " << at;
    }
  };
  check("base");
  const auto options = attach_adapter(*model, read_adapter(folder / "adapter", testing::checkpoints()), "fixture");
  EXPECT_EQ(options.rank, 4);
  EXPECT_TRUE(options.rank_stabilised);
  check("adapted");
  fold_deltas(*model);
  check("adapted");
}

TEST_F(Lora, AnUnknownTargetNamesTheNearest) {
  const auto model = load();
  try {
    attach_lora(*model, {.target_modules = {"q_porj"}}, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("q_proj"), std::string::npos) << error.what();
  }
}

TEST_F(Lora, AdaptersThatWouldBeReadWronglyAreRefused) {
  const auto model = load();
  attach_lora(*model, {.rank = 4}, 1);
  const auto good = adapter_files(*model, {.rank = 4}, "base");
  const auto refused = [&](const std::string& key, const Json& value) {
    auto adapter = good;
    auto config = parse_json(good.config, "config");
    config[key] = value;
    adapter.config = config.dump();
    const auto other = load();
    EXPECT_THROW(attach_adapter(*other, adapter, "test"), Error) << key << " = " << value;
  };
  refused("peft_type", "IA3");
  refused("use_dora", true);
  refused("r", 0);
  refused("r", 5);  // the tensors say 4
  refused("rank_pattern", Json{{"q_proj", 2}});
  refused("bias", "all");
  auto stray = good;
  stray.tensors["base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight"] = at::zeros({4, 32});
  const auto other = load();
  EXPECT_THROW(attach_adapter(*other, stray, "test"), Error);
}

}  // namespace
}  // namespace touchstone
