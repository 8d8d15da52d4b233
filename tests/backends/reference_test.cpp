// Real checkpoints against numbers that others computed: logits within 1e-4, greedy tokens identical.
#include <gtest/gtest.h>

#include <cstdlib>

#include "backends/tokenizers/tokenizers.hpp"
#include "harness/base/files.hpp"
#include "harness/base/json.hpp"
#include "harness/base/text.hpp"
#include "harness/model/ops.hpp"
#include "harness/model/tokenizer.hpp"
#include "tests/backends/families.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

Tensor ids_tensor(const std::vector<std::int64_t>& ids) { return at::tensor(ids, at::kLong); }

/// Greedy continuation through the cache, one token a call.
std::vector<std::int64_t> greedy(Model& model, const std::vector<std::int64_t>& prompt, std::size_t count) {
  const auto cache = model.make_cache(1);
  std::vector<std::int64_t> made;
  auto next = prompt;
  while (made.size() < count) {
    const auto last = at::tensor({static_cast<std::int64_t>(next.size()) - 1}, at::kLong);
    Want want;
    want.logits_at = last;
    const auto logits = model.forward({.tokens = ids_tensor(next)}, want, cache.get()).logits;
    made.push_back(logits.argmax(-1).item<std::int64_t>());
    next = {made.back()};
  }
  return made;
}

/// A checkpoint, and whether it is opened for answering (our kernels) or as LibTorch's operators.
struct Opened {
  const char* folder;
  LoadSettings settings;
};

void PrintTo(const Opened& opened, std::ostream* out) {
  *out << opened.folder << (opened.settings.answering ? " packed" : " operators");
}

const LoadSettings operators{.plain_operators = true};
const LoadSettings packed{.answering = true};

class Reference : public ::testing::TestWithParam<Opened> {};

TEST_P(Reference, LogitsAndGreedyTokens) {
  TOUCHSTONE_SHARED_OR_SKIP(folder, std::string("data/") + GetParam().folder);
  const at::NoGradGuard no_gradients;
  const auto model = testing::all_families()->load(folder / "hf", GetParam().settings);
  const auto reference = read_json(folder / "reference.json");
  ASSERT_FALSE(reference.empty());
  for (const auto& item : reference) {
    const auto ids = item["ids"].get<std::vector<std::int64_t>>();
    const auto logits = model->forward({.tokens = ids_tensor(ids)}, {}).logits;
    const auto logp = at::log_softmax(logits, -1);
    for (std::size_t at = 0; at + 1 < ids.size(); ++at) {
      EXPECT_NEAR(logp[static_cast<std::int64_t>(at)][ids[at + 1]].item<double>(),
                  item["logprob_of_next"][at].get<double>(), 1e-4);
    }
    for (const auto& top : item["last_top5"]) {
      EXPECT_NEAR(logits[-1][top[0].get<std::int64_t>()].item<double>(), top[1].get<double>(), 1e-4);
    }
    const auto expected = item["greedy_ids"].get<std::vector<std::int64_t>>();
    EXPECT_EQ(greedy(*model, ids, expected.size()), expected) << item["text"];
  }
}

// Twelve lines of text: each line's sum over its tokens after BOS, 256 tokens at most.
TEST_P(Reference, LikelihoodOfLinesOfText) {
  TOUCHSTONE_SHARED_OR_SKIP(data, "data");
  const std::string name = GetParam().folder;
  const auto rows =
      read_json(data / "reference_eval/reference_eval.json")[name.substr(6)]["wikitext2_valid_lines"]["rows"];
  const at::NoGradGuard no_gradients;
  const auto model = testing::all_families()->load(data / name / "hf", GetParam().settings);
  const auto tokenizer = load_tokenizer(data / name / "hf");
  std::size_t found = 0;
  for (const auto& line : split(read_text_file(data / "text_corpora/wikitext2.valid.raw.gz"), '\n')) {
    if (found == rows.size()) break;
    const auto text = strip(line);
    if (code_points(text) <= 80) continue;
    auto ids = tokenizer->encode(text);
    ids.resize(std::min<std::size_t>(ids.size(), 256));
    const auto all = ids_tensor(ids);
    const auto logp = at::log_softmax(model->forward({.tokens = all.slice(0, 0, -1)}, {}).logits, -1);
    const auto sum = logp.gather(1, all.slice(0, 1).unsqueeze(1)).to(at::kDouble).sum().item<double>();
    EXPECT_EQ(static_cast<int>(ids.size()) - 1, rows[found]["tokens"].get<int>());
    EXPECT_NEAR(-sum, rows[found]["nll_sum"].get<double>(), 1e-2);
    ++found;
  }
  EXPECT_EQ(found, 12U);
}

INSTANTIATE_TEST_SUITE_P(Models, Reference,
                         ::testing::Values(Opened{"model_stories260k", operators}, Opened{"model_stories260k", packed},
                                           Opened{"model_stories3m", operators}, Opened{"model_stories3m", packed}));

// A folder that transformers wrote; its weights are random, so what is known is that both ways of computing agree.
TEST(HubFixture, KernelsAndOperatorsAgree) {
  TOUCHSTONE_SHARED_OR_SKIP(folder, "data/hf_fixtures/llama_bf16_digits");
  const at::NoGradGuard no_gradients;
  const auto checkpoints = testing::all_families();
  const auto ids = at::tensor({1, 5, 3, 9, 11, 4, 15, 2, 0, 7}, at::kLong);
  const auto a = checkpoints->load(folder, operators)->forward({.tokens = ids}, {}).logits;
  const auto b = checkpoints->load(folder, packed)->forward({.tokens = ids}, {}).logits;
  EXPECT_EQ(a.size(1), 16);
  EXPECT_GT(a.abs().max().item<double>(), 1e-3);
  EXPECT_LT((a - b).abs().max().item<double>(), 1e-4);
}

// The text model that the repository carries, as transformers opens it: ids of a text, logits, greedy answer.
TEST(CarriedModel, TransformersGivesTheSameLogits) {
  const std::filesystem::path source = TOUCHSTONE_SOURCE_DIR;
  const auto reference = read_json(source / "tests/backends/carried/micro-text.json");
  const auto folder = source / "models/micro-text";
  const auto ids = reference["ids"].get<std::vector<std::int64_t>>();
  EXPECT_EQ(load_tokenizer(folder)->encode(reference["text"].get<std::string>()), ids);
  const auto expected = reference["greedy"].get<std::vector<std::int64_t>>();
  const at::NoGradGuard no_gradients;
  for (const auto& settings : {operators, packed}) {
    const auto model = testing::all_families()->load(folder, settings);
    const auto logits = model->forward({.tokens = ids_tensor(ids)}, {}).logits.slice(0, -4);
    for (std::int64_t at = 0; at < 4; ++at) {
      const auto wanted = at::tensor(reference["last"][static_cast<std::size_t>(at)].get<std::vector<float>>());
      EXPECT_LT((logits[at] - wanted).abs().max().item<double>(), 1e-4);
    }
    EXPECT_EQ(greedy(*model, ids, expected.size()), expected);
  }
}

// A chat model of 135 M parameters: the 20 largest logits after each prompt, and 32 greedy tokens. The two best logits
// of a step are never nearer than 1.7e-3 there.
TEST(SmolLM2, LogitsAndGreedyTokensOfTransformers) {
  TOUCHSTONE_SHARED_OR_SKIP(reference_file, "peers/smollm2_reference.json");
  const char* named = std::getenv("TOUCHSTONE_SMOLLM2");
  if (named == nullptr) GTEST_SKIP() << "needs TOUCHSTONE_SMOLLM2, the folder of SmolLM2-135M-Instruct";
  const std::filesystem::path folder = named;
  const auto reference = read_json(reference_file);
  const at::NoGradGuard no_gradients;
  const auto model = testing::all_families()->load(folder, packed);
  const auto tokenizer = load_tokenizer(folder);
  ASSERT_EQ(reference["rows"].size(), 8U);
  for (const auto& row : reference["rows"]) {
    const auto ids = row["ids"].get<std::vector<std::int64_t>>();
    EXPECT_EQ(tokenizer->encode(row["rendered"].get<std::string>()), ids);
    const auto logits = model->forward({.tokens = ids_tensor(ids)}, {}).logits[-1];
    for (const auto& top : row["last_logits_top20"]) {
      EXPECT_NEAR(logits[top[0].get<std::int64_t>()].item<double>(), top[1].get<double>(), 5e-4);
    }
    const auto expected = row["greedy_ids"].get<std::vector<std::int64_t>>();
    const auto made = greedy(*model, ids, expected.size());
    EXPECT_EQ(made, expected) << row["prompt"];
  }
}

}  // namespace
}  // namespace touchstone
