// What an engine says of each token, against plain sums over the logits of the model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "harness/engine/open_engine.hpp"
#include "harness/engine/token_pairs.hpp"
#include "tests/trainers/tiny.hpp"

namespace touchstone {
namespace {

using testing::checkpoints;

const std::filesystem::path micro_text = std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "models/micro-text";

std::unique_ptr<Engine> open_reader(const std::filesystem::path& folder, int threads = 1, int batch_tokens = 4096) {
  std::ostringstream nowhere;
  Log log(nowhere, true);
  EngineSettings settings;
  settings.model = folder;
  settings.device = "cpu";
  settings.threads = threads;
  settings.batch_tokens = batch_tokens;
  return open_engine(settings, checkpoints(), log, testing::trainer_book().procedures);
}

/// A copy of micro-text with other weights in its first feed-forward part.
std::filesystem::path changed_copy(const std::filesystem::path& target) {
  std::filesystem::copy(micro_text, target, std::filesystem::copy_options::recursive);
  auto tensors = checkpoints().read_tensors(target / "model.safetensors");
  auto& weight = tensors.at("model.layers.0.mlp.down_proj.weight");
  weight = (weight.to(at::kFloat) * 1.5).to(weight.scalar_type());
  checkpoints().write_tensors(target / "model.safetensors", tensors);
  return target;
}

/// Log-probabilities of the whole vocabulary behind each token, by plain sums in float64. [tokens][vocabulary]
std::vector<std::vector<double>> plain_logp(const std::filesystem::path& folder, const TokenIds& tokens) {
  const at::NoGradGuard none;
  const auto model = checkpoints().load(folder, {});
  Inputs inputs;
  inputs.tokens = at::tensor(std::vector<std::int64_t>(tokens.begin(), tokens.end()), at::kLong);
  inputs.starts = {0, static_cast<std::int64_t>(tokens.size())};
  const auto logits = model->forward(inputs, Want{}).logits.to(at::kDouble).contiguous();
  std::vector<std::vector<double>> rows;
  for (std::int64_t row = 0; row < logits.size(0); ++row) {
    const auto* first = logits.const_data_ptr<double>() + row * logits.size(1);
    std::vector<double> values(first, first + logits.size(1));
    double sum = 0.0;
    for (const double value : values) sum += std::exp(value);
    for (double& value : values) value -= std::log(sum);
    rows.push_back(std::move(values));
  }
  return rows;
}

TokenReading plain_reading(const std::vector<double>& p, const std::vector<double>& q, std::int32_t label) {
  TokenReading reading{.logp = p[static_cast<std::size_t>(label)],
                       .reference_logp = q[static_cast<std::size_t>(label)]};
  for (std::size_t v = 0; v < p.size(); ++v) {
    reading.entropy -= std::exp(p[v]) * p[v];
    reading.kl_forward += std::exp(q[v]) * (q[v] - p[v]);
    reading.kl_reverse += std::exp(p[v]) * (p[v] - q[v]);
  }
  return reading;
}

void expect_near(const TokenReading& found, const TokenReading& wanted) {
  EXPECT_NEAR(found.logp, wanted.logp, 1e-4);
  EXPECT_NEAR(found.entropy, wanted.entropy, 1e-4);
  EXPECT_NEAR(found.reference_logp, wanted.reference_logp, 1e-4);
  EXPECT_NEAR(found.kl_forward, wanted.kl_forward, 1e-4);
  EXPECT_NEAR(found.kl_reverse, wanted.kl_reverse, 1e-4);
}

const std::string question = "Question: Mia has 7 pens. She gets 5 more. How many pens does she have now?\nAnswer:";
const std::string answer = " Mia has 7 + 5 = 12 pens.\n#### 12";

// The model's kernels sum in another order than the operators behind plain_logp(): 1e-4 nats.
TEST(TokenReader, EqualsPlainSumsOverTheVocabulary) {
  const testing::TemporaryFolder folder;
  const auto other = changed_copy(folder.path() / "other");
  const auto engine = open_reader(other);
  const auto base = open_reader(micro_text);
  const auto tokenizer = checkpoints().tokenizer(micro_text);
  const auto rules = make_rules(*tokenizer, std::nullopt, engine->info().max_length);
  PairEncoder encoder(rules);
  const auto pair = encoder.encode({.context = question, .continuation = answer});
  const auto p = plain_logp(other, pair.input);
  const auto q = plain_logp(micro_text, pair.input);
  // The same tokens as a continuation, and as an answer that was written.
  const Generation request{.context = question, .max_new_tokens = 64};
  const auto prompt = encode_prompt(rules, request);
  ASSERT_EQ(prompt.tokens.size() + pair.targets.size() - 1, pair.input.size());
  const std::vector<TokenText> texts = {Likelihood{.context = question, .continuation = answer},
                                        Written{request, pair.targets}};
  const auto found = engine->read(texts, base.get());
  ASSERT_EQ(found.size(), 2U);
  const auto first = pair.input.size() - pair.targets.size();
  double forward = 0.0;
  for (const auto& text : found) {
    ASSERT_EQ(text.size(), pair.targets.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
      const auto wanted = plain_reading(p[first + at], q[first + at], pair.targets[at]);
      expect_near(text[at], wanted);
      forward += wanted.kl_forward;
    }
  }
  EXPECT_GT(forward, 0.1);  // the models differ by more than the tolerance could hide
  EXPECT_GT(std::fabs(found[0][0].kl_forward - found[0][0].kl_reverse), 0.0);
}

TEST(TokenReader, AModelIsAtNoDistanceFromItself) {
  const auto engine = open_reader(micro_text);
  const auto again = open_reader(micro_text);
  const std::vector<TokenText> texts = {Rolling{.text = question + answer}, Likelihood{"", question, {}}};
  for (auto* reference : {engine.get(), again.get()}) {  // itself, and the same weights opened twice
    for (const auto& text : engine->read(texts, reference)) {
      ASSERT_FALSE(text.empty());
      for (const auto& token : text) {
        EXPECT_EQ(token.kl_forward, 0.0);
        EXPECT_EQ(token.kl_reverse, 0.0);
        EXPECT_EQ(token.reference_logp, token.logp);
        EXPECT_GT(token.entropy, 0.0);
      }
    }
  }
}

TEST(TokenReader, DoesNotDependOnBatchesAndThreads) {
  const testing::TemporaryFolder folder;
  const auto other = changed_copy(folder.path() / "other");
  std::vector<TokenText> texts;
  for (int i = 0; i < 20; ++i) {
    texts.emplace_back(Likelihood{question.substr(0, static_cast<std::size_t>(20 + i)), answer, {}});
  }
  texts.push_back(texts.front());  // the same text again
  std::string whole;
  for (int i = 0; i < 60; ++i) whole += question;
  texts.emplace_back(Rolling{whole});  // several windows
  const auto base = open_reader(micro_text);
  const auto wanted = open_reader(other)->read(texts, base.get());
  const auto found = open_reader(other, 2, 50)->read(texts, base.get());
  ASSERT_EQ(wanted.size(), texts.size());
  for (std::size_t text = 0; text < texts.size(); ++text) {
    ASSERT_EQ(found[text].size(), wanted[text].size());
    for (std::size_t at = 0; at < found[text].size(); ++at) expect_near(found[text][at], wanted[text][at]);
  }
  EXPECT_EQ(wanted[20].size(), wanted[0].size());
  EXPECT_EQ(wanted[20][3].kl_forward, wanted[0][3].kl_forward);
}

TEST(TokenReader, SumsToTheLikelihood) {
  const auto engine = open_reader(micro_text);
  const std::vector<Request> requests = {Likelihood{question, answer, {}}, Rolling{question + answer}};
  const auto scored = engine->answer(requests);
  const std::vector<TokenText> texts = {Likelihood{question, answer, {}}, Rolling{question + answer}};
  const auto read = engine->read(texts, nullptr);
  for (std::size_t text = 0; text < texts.size(); ++text) {
    double sum = 0.0;
    for (const auto& token : read[text]) sum += token.logp;
    EXPECT_NEAR(sum, scored[text].logp_nats, 1e-4);
    EXPECT_EQ(read[text].size(), static_cast<std::size_t>(scored[text].tokens));
    EXPECT_EQ(read[text].front().kl_forward, 0.0);
  }
}

TEST(TokenReader, RefusesAModelWithOtherTokens) {
  const testing::TemporaryFolder folder;
  const auto tiny = open_reader(testing::make_tiny(folder.path() / "tiny"));
  const auto engine = open_reader(micro_text);
  const std::vector<TokenText> texts = {Rolling{"a text"}};
  try {
    engine->read(texts, tiny.get());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::config);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("has another tokenizer or vocabulary"));
  }
}

}  // namespace
}  // namespace touchstone
