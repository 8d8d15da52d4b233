// Soft prompts: rows that are embeddings of tokens do what these tokens do, in every forward pass, cache and engine.
#include "harness/model/soft_prompt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "backends/tokenizers/tokenizers.hpp"
#include "harness/engine/open_engine.hpp"
#include "tests/adapters/adapters.hpp"

namespace touchstone {
namespace {

using testing::checkpoints;

const std::vector<std::int64_t> hint = {40, 41, 42};

Tensor as_tensor(const std::vector<std::int64_t>& values) { return at::tensor(values, at::kLong); }

std::vector<std::int64_t> behind_hint(const std::vector<std::int64_t>& tokens) {
  auto all = hint;
  all.insert(all.end(), tokens.begin(), tokens.end());
  return all;
}

/// Which forward pass: operators, training kernels, answering kernels.
class SoftPrompt : public ::testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Model> load() {
    const std::string pass = GetParam();
    return checkpoints().load(testing::make_tiny(folder_.path() / "base"),
                              {.answering = pass == "answering", .plain_operators = pass == "operators"});
  }
  std::unique_ptr<Model> prompted() {
    auto model = load();
    auto rows = model->embeddings(as_tensor(hint)).detach().clone();
    return with_soft_prompt(std::move(model), rows);
  }
  /// Logits of the tokens behind the hint, which this model reads as tokens.
  Tensor told(const std::vector<std::int64_t>& tokens) {
    return testing::logits_of(*load(), behind_hint(tokens)).slice(0, static_cast<std::int64_t>(hint.size()));
  }
  static void expect_equal(const Tensor& found, const Tensor& wanted) {
    ASSERT_EQ(found.sizes(), wanted.sizes());
    EXPECT_LE((found - wanted).abs().max().item<double>(), 1e-5);
  }
  testing::TemporaryFolder folder_;
};

TEST_P(SoftPrompt, StandsBeforeEveryDocument) {
  const at::NoGradGuard no_grad;
  const auto model = prompted();
  const std::vector<std::int64_t> first = {1, 20, 30};
  const std::vector<std::int64_t> second = {1, 50};
  Inputs inputs;
  inputs.tokens = as_tensor({1, 20, 30, 1, 50});
  inputs.starts = {0, 3, 3, 5};  // an empty document among them
  const auto found = model->forward(inputs, {.logits = true, .logits_at = {}, .hidden = true}).logits;
  expect_equal(found.narrow(0, 0, 3), told(first));
  expect_equal(found.narrow(0, 3, 2), told(second));
}

TEST_P(SoftPrompt, PlacesThatAreWantedCountTokensAlone) {
  const at::NoGradGuard no_grad;
  const auto model = prompted();
  Inputs inputs;
  inputs.tokens = as_tensor({1, 20, 30, 1, 50});
  inputs.starts = {0, 3, 5};
  Want want;
  want.logits_at = as_tensor({4, 1});
  const auto found = model->forward(inputs, want).logits;
  expect_equal(found[0], told({1, 50})[1]);
  expect_equal(found[1], told({1, 20, 30})[1]);
  Want states;
  states.logits = false;
  states.hidden = true;
  EXPECT_EQ(model->forward(inputs, states).hidden.size(0), 5);
  states.hidden_at = as_tensor({2});
  expect_equal(model->project(model->forward(inputs, states).hidden)[0], told({1, 20, 30})[2]);
}

TEST_P(SoftPrompt, CachesCountTokensAlone) {
  const at::NoGradGuard no_grad;
  const auto model = prompted();
  const auto cache = model->make_cache(1);
  const auto read = [&](const std::vector<std::int64_t>& tokens, const std::vector<std::int64_t>& starts) {
    Inputs inputs;
    inputs.tokens = as_tensor(tokens);
    inputs.starts = starts;
    return model->forward(inputs, {}, cache.get()).logits;
  };
  EXPECT_EQ(cache->length(0), 0);
  read({1, 20, 30}, {0, 3});
  EXPECT_EQ(cache->length(0), 3);
  EXPECT_EQ(cache->fork(0, 2), 1);
  EXPECT_EQ(cache->fork(0, 0), 2);
  EXPECT_EQ(cache->length(1), 2);
  EXPECT_EQ(cache->length(2), 0);
  const auto on = read({31, 50, 1, 60}, {0, 1, 2, 4});
  expect_equal(on[0], told({1, 20, 30, 31})[3]);
  expect_equal(on[1], told({1, 20, 50})[2]);
  expect_equal(on.narrow(0, 2, 2), told({1, 60}));
  cache->truncate(0, 1);
  cache->keep({0});
  EXPECT_EQ(cache->length(0), 1);
  expect_equal(read({77}, {0, 1})[0], told({1, 77})[1]);
}

TEST_P(SoftPrompt, TakesItsShareOfTheLength) { EXPECT_EQ(prompted()->max_length(), load()->max_length() - 3); }
INSTANTIATE_TEST_SUITE_P(Passes, SoftPrompt, ::testing::Values("operators", "training", "answering"));

class SoftPromptTraining : public SoftPrompt {};

TEST_P(SoftPromptTraining, DocumentsThatShareTokensShareIt) {
  const at::NoGradGuard no_grad;
  const auto model = prompted();
  Inputs inputs;  // 1 20 goes on with 30 and with 50 60
  inputs.tokens = as_tensor({1, 20, 30, 50, 60});
  inputs.layout = as_tensor({0, 1, 2, 0, 1, 3, 4});
  inputs.starts = {0, 3, 7};
  const auto found = model->forward(inputs, {}).logits;
  expect_equal(found.narrow(0, 0, 3), told({1, 20, 30}));
  expect_equal(found.narrow(0, 3, 2), told({1, 20, 50, 60}).narrow(0, 2, 2));
}

// Its rows' gradient is that of an embedding table whose tokens stand there.
TEST_P(SoftPromptTraining, HasTheGradientOfTheEmbeddings) {
  auto base = load();
  for (auto& [name, tensor] : base->parameters()) tensor->requires_grad_(name == "model.embed_tokens.weight");
  const std::vector<std::int64_t> text = {1, 20, 30, 60};
  Inputs whole;
  whole.tokens = as_tensor(behind_hint(text));
  base->forward(whole, {}).logits.slice(0, 3).square().sum().backward();
  const auto wanted = base->parameters().at("model.embed_tokens.weight")->grad().index_select(0, as_tensor(hint));
  const auto model = prompted();
  for (auto& [name, tensor] : model->parameters()) tensor->requires_grad_(false);
  soft_prompt_of(*model)->requires_grad_(true);
  Inputs alone;
  alone.tokens = as_tensor(text);
  model->forward(alone, {}).logits.square().sum().backward();
  EXPECT_TRUE(at::allclose(model->soft_prompt().grad(), wanted, 1e-4, 1e-4));
}

TEST_P(SoftPromptTraining, CopiesHaveOneOfTheirOwn) {
  const auto model = prompted();
  const auto copy = model->clone();
  const auto before = testing::logits_of(*copy);
  {
    const at::NoGradGuard no_grad;
    soft_prompt_of(*model)->zero_();
  }
  EXPECT_TRUE(testing::logits_of(*copy).equal(before));
  EXPECT_FALSE(testing::logits_of(*model).equal(before));
}
INSTANTIATE_TEST_SUITE_P(Passes, SoftPromptTraining, ::testing::Values("operators", "training"));

/// A folder as training writes it: an adapter whose rows are these, over the tiny checkpoint beside it.
std::filesystem::path written(const std::filesystem::path& folder, const Tensor& rows) {
  const auto place = folder / "prompted";
  std::filesystem::create_directories(place);
  const Json config = {
      {"base_model_name_or_path", "../base"}, {"num_virtual_tokens", rows.size(0)}, {"peft_type", "PROMPT_TUNING"}};
  testing::write_text(place / "adapter_config.json", config.dump());
  checkpoints().write_tensors(place / "adapter_model.safetensors", {{soft_prompt_key, rows}});
  return place;
}

std::vector<Request> asked(const std::string& before) {
  std::vector<Request> all;
  for (const auto* text : {"once upon", "once upon a time", "12+30="}) {
    all.emplace_back(Likelihood{.context = before + text, .continuation = " was a cat"});
    all.emplace_back(Generation{.context = before + text, .max_new_tokens = 8, .until = {}});
  }
  return all;
}

// An engine over the folder answers as one over the base that is told the same text as tokens.
TEST(SoftPromptEngine, AnswersAsIfTheTokensStoodInThePrompt) {
  const testing::TemporaryFolder folder;
  const auto base = testing::make_tiny(folder.path() / "base");
  const std::string text = "say: ";
  std::vector<std::int64_t> ids;
  for (const char c : text) ids.push_back(5 + (c - ' '));  // the tiny tokenizer's
  const auto model = checkpoints().load(base, {});
  const auto place = written(folder.path(), model->embeddings(as_tensor(ids)).detach().clone());
  const auto open = [&](const std::filesystem::path& of) {
    std::ostringstream nowhere;
    Log log(nowhere, true);
    EngineSettings settings;
    settings.model = of;
    settings.device = "cpu";
    settings.add_bos_token = false;
    return open_engine(settings, checkpoints(), log);
  };
  const auto told = open(base);
  const auto prompted = open(place);
  EXPECT_NE(told->info().model_hash, prompted->info().model_hash);
  EXPECT_EQ(prompted->info().max_length, told->info().max_length - static_cast<int>(text.size()));
  const auto wanted = told->answer(asked(text));
  const auto found = prompted->answer(asked(""));
  const auto plain = told->answer(asked(""));
  ASSERT_EQ(found.size(), wanted.size());
  for (std::size_t at = 0; at < found.size(); ++at) {
    EXPECT_NEAR(found[at].logp_nats, wanted[at].logp_nats, 1e-4) << at;
    ASSERT_EQ(found[at].generated.size(), wanted[at].generated.size());
    if (wanted[at].generated.empty()) {
      EXPECT_GT(std::abs(plain[at].logp_nats - wanted[at].logp_nats), 1e-2) << at;
      continue;
    }
    EXPECT_EQ(found[at].generated.front().tokens, wanted[at].generated.front().tokens) << at;
  }
}

TEST(SoftPromptFolder, WhatDoesNotFitIsRefusedByName) {
  const testing::TemporaryFolder folder;
  testing::make_tiny(folder.path() / "base");
  const auto said = [&](const Tensor& rows, const std::string& key = {}, const Json& value = {}) -> std::string {
    const auto place = written(folder.path(), rows);
    if (!key.empty()) {
      auto config = read_json(place / "adapter_config.json");
      config[key] = value;
      testing::write_text(place / "adapter_config.json", config.dump());
    }
    try {
      checkpoints().load(place, {});
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::checkpoint);
      return error.what();
    }
    return "taken";
  };
  using ::testing::HasSubstr;
  EXPECT_EQ(said(at::zeros({2, 32})), "taken");
  EXPECT_THAT(said(at::zeros({2, 31})), HasSubstr("expected rows of the model's hidden size, 32"));
  EXPECT_THAT(said(at::zeros({128, 32})), HasSubstr("expected fewer than the model's length, 128"));
  EXPECT_THAT(said(at::zeros({2, 32}), "num_virtual_tokens", 3), HasSubstr("found the shape [2, 32]"));
  EXPECT_THAT(said(at::zeros({2, 32}), "num_virtual_tokens", 0), HasSubstr("key 'num_virtual_tokens': found 0"));
  EXPECT_THAT(said(at::zeros({2, 32}), "num_transformer_submodules", 2), HasSubstr("num_transformer_submodules"));
  EXPECT_THAT(said(at::zeros({2, 32}), "an_option_of_tomorrow", 1), HasSubstr("an_option_of_tomorrow"));
  EXPECT_THAT(said(at::full({2, 32}, NAN)), HasSubstr("finite"));
}

// peft begins with the embeddings of the text's tokens, repeated or cut.
TEST(PromptTuning, BeginsAsATextOrAsNormalNumbers) {
  const testing::TemporaryFolder folder;
  auto session = testing::session_of(checkpoints().load(testing::make_tiny(folder.path() / "base"), {}));
  session.tokenizer = load_tokenizer(folder.path() / "base");
  testing::adapter_of("prompt_tuning",
                      {{"num_virtual_tokens", 5}, {"prompt_tuning_init", "TEXT"}, {"prompt_tuning_init_text", "ab"}})
      .attach(session, 1, nullptr, "");
  const auto a = 5 + ('a' - ' ');
  const auto wanted = session.model->embeddings(as_tensor({1, a, a + 1, 1, a}));  // <s> a b, and again
  EXPECT_TRUE(session.model->soft_prompt().equal(wanted));
  auto drawn = testing::session_of(checkpoints().load(folder.path() / "base", {}));
  testing::adapter_of("prompt_tuning", {{"num_virtual_tokens", 100}}).attach(drawn, 1, nullptr, "");
  EXPECT_NEAR(drawn.model->soft_prompt().std().item<double>(), 1.0, 0.05);
  EXPECT_NEAR(drawn.model->soft_prompt().mean().item<double>(), 0.0, 0.06);
}

TEST(PromptTuning, FilesComeBackAlike) {
  const testing::TemporaryFolder folder;
  const auto base = testing::make_tiny(folder.path() / "base");
  auto session = testing::session_of(checkpoints().load(base, {}));
  const auto adapter = testing::adapter_of("prompt_tuning", {{"num_virtual_tokens", 4}});
  adapter.attach(session, 1, nullptr, "");
  const auto files = adapter.files(session, base.string());
  auto other = testing::session_of(checkpoints().load(base, {}));
  testing::adapter_in(files).attach(other, 0, &files, "test");
  EXPECT_TRUE(testing::logits_of(*other.model).equal(testing::logits_of(*session.model)));
  EXPECT_EQ(other.modules.at("soft_prompt").parameters.front().first, soft_prompt_key);
}

}  // namespace
}  // namespace touchstone
