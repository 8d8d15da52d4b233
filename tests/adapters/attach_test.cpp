// Adapters as recipes make them: how they begin, their names and shapes, files there and back, folding, errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/adapters/adapters.hpp"

namespace touchstone {
namespace {

using testing::adapter_of;
using testing::disturb;
using testing::logits_of;
using testing::session_of;
using testing::trained_of;

class Attach : public ::testing::Test {
 protected:
  Session begun(const std::string& kind, const Json& options = Json::object()) {
    auto session = session_of(load());
    adapter_of(kind, options).attach(session, 1, nullptr, "");
    return session;
  }
  std::unique_ptr<Model> load() { return testing::checkpoints().load(testing::make_tiny(folder_.path() / "base"), {}); }
  testing::TemporaryFolder folder_;
};

class EachDelta : public Attach, public ::testing::WithParamInterface<const char*> {};

TEST_P(EachDelta, BeginsAsTheModelItself) {
  auto session = begun(GetParam());
  const auto before = logits_of(*load());
  EXPECT_LE((logits_of(*session.model) - before).abs().max().item<double>(), 1e-5);
  for (const auto& [name, tensor] : session.model->parameters()) EXPECT_FALSE(tensor->requires_grad()) << name;
  for (const auto& [name, tensor] : trained_of(session)) EXPECT_TRUE(tensor->requires_grad()) << name;
}

TEST_P(EachDelta, FoldingAndCopiesKeepTheLogits) {
  auto session = begun(GetParam());
  const auto base = logits_of(*load());
  disturb(session);
  auto& model = *session.model;
  const auto adapted = logits_of(model);
  EXPECT_GT((adapted - base).abs().max().item<double>(), 0.1);
  EXPECT_LE((logits_of(*model.clone()) - adapted).abs().max().item<double>(), 1e-4);
  EXPECT_LE((logits_of(model) - adapted).abs().max().item<double>(), 0.0);  // the copy took nothing with it
  for (const auto& [name, linear] : model.linears()) fold_deltas(*linear);
  EXPECT_TRUE(model.linears().at("model.layers.0.mlp.up_proj")->deltas.empty());
  EXPECT_LE((logits_of(model) - adapted).abs().max().item<double>(), 1e-4);
}

TEST_P(EachDelta, FilesComeBackAlike) {
  auto session = begun(GetParam(), {{"target_modules", {"k_proj", "o_proj", "down_proj"}}});
  disturb(session);
  const auto files =
      adapter_of(GetParam(), {{"target_modules", {"k_proj", "o_proj", "down_proj"}}}).files(session, "base");
  auto other = session_of(load());
  testing::adapter_in(files).attach(other, 9, &files, "test");
  EXPECT_TRUE(logits_of(*other.model).equal(logits_of(*session.model)));
  EXPECT_EQ(testing::adapter_in(files).files(other, "base").config, files.config);
}

// What is trained is what is read: the checkpoint reader, which is held against peft, folds the written files.
TEST_P(EachDelta, WrittenFilesOpenWithTheSameLogits) {
  auto session = begun(GetParam());
  disturb(session);
  const auto files = adapter_of(GetParam()).files(session, (folder_.path() / "base").string());
  const auto place = folder_.path() / "adapter";
  std::filesystem::create_directories(place);
  testing::write_text(place / "adapter_config.json", files.config);
  testing::checkpoints().write_tensors(place / "adapter_model.safetensors", files.tensors);
  for (const bool answering : {false, true}) {
    const auto read = testing::checkpoints().load(place, {.answering = answering});
    EXPECT_LE((logits_of(*read) - logits_of(*session.model)).abs().max().item<double>(), 1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, EachDelta, ::testing::Values("lora", "dora", "ia3"));

// A Llama whose maps all have biases: IA3 scales them with the outputs, LoRA and DoRA leave them alone.
TEST_P(EachDelta, BiasesFoldAsTheyAreTrained) {
  const auto fixture = std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "tests/backends/fixtures/biases";
  for (const bool plain : {false, true}) {
    auto session = session_of(testing::checkpoints().load(fixture, {.plain_operators = plain}));
    adapter_of(GetParam(), {{"target_modules", {"q_proj", "k_proj", "v_proj", "down_proj"}}})
        .attach(session, 1, nullptr, "");
    disturb(session);
    const auto adapted = logits_of(*session.model, {1, 2, 3, 4, 5});
    EXPECT_LE((logits_of(*session.model->clone(), {1, 2, 3, 4, 5}) - adapted).abs().max().item<double>(), 1e-4);
    for (const auto& [name, linear] : session.model->linears()) fold_deltas(*linear);
    EXPECT_LE((logits_of(*session.model, {1, 2, 3, 4, 5}) - adapted).abs().max().item<double>(), 1e-4);
  }
}

TEST_F(Attach, NamesShapesAndRangeOfLoraAreThoseOfPeft) {
  auto session = begun("lora", {{"r", 4}, {"target_modules", {"q_proj", "down_proj"}}});
  const auto adapter =
      adapter_of("lora", {{"r", 4}, {"target_modules", {"q_proj", "down_proj"}}}).files(session, "base");
  ASSERT_EQ(adapter.tensors.size(), 8U);
  const auto& a = adapter.tensors.at("base_model.model.model.layers.1.mlp.down_proj.lora_A.weight");
  const auto& b = adapter.tensors.at("base_model.model.model.layers.1.mlp.down_proj.lora_B.weight");
  EXPECT_EQ(a.sizes(), (at::IntArrayRef{4, 48}));
  EXPECT_EQ(b.sizes(), (at::IntArrayRef{32, 4}));
  EXPECT_EQ(b.abs().max().item<double>(), 0.0);
  EXPECT_LE(a.abs().max().item<double>(), 1.0 / std::sqrt(48.0));
  EXPECT_NEAR(a.std().item<double>(), 1.0 / std::sqrt(3.0 * 48.0), 0.02);  // of a uniform draw
}

TEST_F(Attach, LoraTakesEveryLinearMapButTheHeadByDefault) {
  auto session = begun("lora", {{"r", 4}});
  EXPECT_EQ(trained_of(session).size(), 2U * 7U * 2U);  // A and B of seven maps in two layers
}

// IA3 as peft begins on a Llama: a factor an output of k and v, a factor an input of down_proj, ones.
TEST_F(Attach, Ia3BeginsAsOnesInPeftsShapes) {
  auto session = begun("ia3");
  const auto all = trained_of(session);
  ASSERT_EQ(all.size(), 6U);
  EXPECT_EQ(all.at("base_model.model.model.layers.0.self_attn.k_proj.ia3_l")->sizes(), (at::IntArrayRef{16, 1}));
  EXPECT_EQ(all.at("base_model.model.model.layers.1.mlp.down_proj.ia3_l")->sizes(), (at::IntArrayRef{1, 48}));
  for (const auto& [name, tensor] : all) EXPECT_TRUE(tensor->equal(at::ones_like(*tensor))) << name;
}

// By hand: W = [[3, 4], [0, 2]] has rows of lengths 5 and 2.
TEST_F(Attach, DoraBeginsAsTheLengthsOfTheRows) {
  auto session = begun("dora", {{"r", 2}, {"target_modules", {"q_proj"}}});
  auto other = load();
  {
    const at::NoGradGuard no_grad;
    auto& weight = other->linears().at("model.layers.0.self_attn.q_proj")->weight;
    weight.zero_();
    weight[0][0] = 3.0;
    weight[0][1] = 4.0;
    weight.slice(0, 1).select(1, 5).fill_(2.0);
  }
  session = session_of(std::move(other));
  adapter_of("dora", {{"r", 2}, {"target_modules", {"q_proj"}}}).attach(session, 1, nullptr, "");
  const auto lengths =
      *trained_of(session).at("base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector");
  EXPECT_EQ(lengths[0].item<double>(), 5.0);
  EXPECT_EQ(lengths[1].item<double>(), 2.0);
}

TEST_F(Attach, ScaleIsAlphaOverRankOrItsRoot) {
  for (const bool stabilised : {false, true}) {
    auto session =
        begun("lora", {{"r", 4}, {"lora_alpha", 6.0}, {"use_rslora", stabilised}, {"target_modules", {"q_proj"}}});
    disturb(session);
    const auto& linear = *session.model->linears().at("model.layers.0.self_attn.q_proj");
    const auto parameters = linear.deltas.front()->parameters();
    const auto product = parameters[1].second->mm(*parameters[0].second) * (stabilised ? 3.0 : 1.5);
    EXPECT_TRUE(at::allclose(linear.deltas.front()->dense(linear), product, 1e-6, 1e-7));
  }
}

TEST_F(Attach, AnUnknownTargetNamesTheNearest) {
  try {
    begun("lora", {{"target_modules", {"q_porj"}}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("q_proj"));
  }
}

TEST_F(Attach, AFeedForwardModuleMustBeATarget) {
  try {
    adapter_of("ia3", {{"target_modules", {"k_proj"}}});  // its default follows the targets
    adapter_of("ia3", {{"target_modules", {"k_proj"}}, {"feedforward_modules", {"down_proj"}}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("key 'feedforward_modules': found 'down_proj'"));
  }
}

/// What attaching says of an adapter with one key of its config changed.
TEST_F(Attach, AdaptersThatWouldBeReadWronglyAreRefused) {
  auto session = begun("lora", {{"r", 4}});
  const auto good = adapter_of("lora", {{"r", 4}}).files(session, "base");
  const auto refused = [&](const std::string& key, const Json& value) {
    auto files = good;
    auto config = parse_json(good.config, "config");
    config[key] = value;
    files.config = config.dump();
    auto other = session_of(load());
    EXPECT_THROW(testing::adapter_in(files).attach(other, 0, &files, "test"), Error) << key << " = " << value;
  };
  refused("peft_type", "IA3");
  refused("use_dora", true);
  refused("r", 0);
  refused("r", 5);  // the tensors say 4
  refused("rank_pattern", Json{{"q_proj", 2}});
  refused("bias", "all");
  refused("target_modules", 3);
  auto stray = good;
  stray.tensors["base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight"] = at::zeros({4, 32});
  auto other = session_of(load());
  EXPECT_THROW(testing::adapter_in(stray).attach(other, 0, &stray, "test"), Error);
}

}  // namespace
}  // namespace touchstone
