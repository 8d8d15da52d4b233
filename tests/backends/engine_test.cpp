// The whole engine on real checkpoints and real data.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <sstream>

#include "harness/base/error.hpp"
#include "harness/base/files.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/json.hpp"
#include "harness/base/text.hpp"
#include "harness/engine/open_engine.hpp"
#include "harness/engine/self_test.hpp"
#include "tests/backends/families.hpp"
#include "tests/support/support.hpp"

namespace touchstone {
namespace {

std::unique_ptr<Engine> open(const std::filesystem::path& folder, int batch_tokens = 4096) {
  std::ostringstream nowhere;
  Log log(nowhere, true);
  EngineSettings settings;
  settings.model = folder;
  settings.batch_tokens = batch_tokens;
  return open_engine(settings, *testing::all_families(), log);
}

// What moves where prompts begin or answers end makes other results, which the database must tell apart.
TEST(EngineIdentity, KnowsStartAndEndOfPromptsAndAnswers) {
  const testing::TemporaryFolder folder;
  const auto carried = std::filesystem::path(TOUCHSTONE_SOURCE_DIR) / "models" / "micro-text";
  std::filesystem::copy(carried, folder.path() / "model");
  const auto hash = [&](std::optional<bool> add_bos_token) {
    std::ostringstream nowhere;
    Log log(nowhere, true);
    EngineSettings settings;
    settings.model = folder.path() / "model";
    settings.add_bos_token = add_bos_token;
    return open_engine(settings, *testing::all_families(), log)->info().config_hash;
  };
  const auto plain = hash(std::nullopt);
  EXPECT_EQ(plain, sha256_file(carried / "config.json"));
  EXPECT_NE(hash(false), plain);
  EXPECT_NE(hash(true), hash(false));
  write_file_atomically(folder.path() / "model/generation_config.json", R"({"eos_token_id": [0, 7]})");
  EXPECT_NE(hash(std::nullopt), plain);
}

std::vector<Json> read_lines(const std::filesystem::path& path, std::size_t count) {
  std::vector<Json> rows;
  for (const auto& line : split(read_text_file(path), '\n')) {
    if (rows.size() < count && !line.empty()) rows.push_back(parse_json(line, path.string()));
  }
  return rows;
}

std::ptrdiff_t best_of(const std::vector<double>& values) {
  return std::max_element(values.begin(), values.end()) - values.begin();
}

class ReferenceEval : public ::testing::TestWithParam<const char*> {};

// 60 questions of ARC-Easy: every choice's log-likelihood and token count as the reference has them, and the choice
// that follows, by the sum and by the sum for each byte.
TEST_P(ReferenceEval, ArcEasyLogLikelihoods) {
  TOUCHSTONE_SHARED_OR_SKIP(data, "data");
  const std::string model = GetParam();
  const auto reference = read_json(data / "reference_eval/reference_eval.json")[model]["arc_easy_validation"]["rows"];
  constexpr std::size_t count = 60;
  ASSERT_EQ(reference.size(), count);
  std::vector<Request> requests;
  const auto rows = read_lines(data / "arc/easy.validation.jsonl.gz", count);
  for (const auto& row : rows) {
    for (const auto& choice : row["choices"]) {
      requests.emplace_back(
          Likelihood{.context = "Question: " + row["question"].get<std::string>() + "\nAnswer:",
                     .continuation = join(std::vector<std::string>{"", choice.get<std::string>()}, " ")});
    }
  }
  const auto responses = open(data / ("model_" + model) / "hf")->answer(requests);
  std::size_t next = 0;
  for (std::size_t at = 0; at < count; ++at) {
    std::vector<double> sums;
    std::vector<double> by_byte;
    for (std::size_t choice = 0; choice < reference[at]["logprob"].size(); ++choice, ++next) {
      EXPECT_NEAR(responses[next].logp_nats, reference[at]["logprob"][choice].get<double>(), 1e-3);
      EXPECT_EQ(responses[next].tokens, reference[at]["tokens"][choice].get<int>());
      sums.push_back(responses[next].logp_nats);
      by_byte.push_back(sums.back() / static_cast<double>(rows[at]["choices"][choice].get<std::string>().size()));
    }
    EXPECT_EQ(best_of(sums), reference[at]["pred"].get<std::ptrdiff_t>());
    EXPECT_EQ(best_of(by_byte), reference[at]["pred_norm"].get<std::ptrdiff_t>());
  }
  EXPECT_EQ(next, responses.size());
}

// 20 questions of TruthfulQA: mc1's log-likelihoods, and both verdicts.
TEST_P(ReferenceEval, TruthfulQaLogLikelihoods) {
  TOUCHSTONE_SHARED_OR_SKIP(data, "data");
  const std::string model = GetParam();
  const auto reference = read_json(data / "reference_eval/reference_eval.json")[model]["truthfulqa_mc"]["rows"];
  const auto questions = read_json(data / "truthfulqa/mc_task.json");
  const auto engine = open(data / ("model_" + model) / "hf");
  ASSERT_EQ(reference.size(), 20U);
  for (std::size_t at = 0; at < reference.size(); ++at) {
    const auto ask = [&](const Json& targets) {
      std::vector<Request> requests;
      for (const auto& target : targets.items()) {
        requests.emplace_back(Likelihood{.context = "Q: " + questions[at]["question"].get<std::string>() + "\nA:",
                                         .continuation = " " + target.key()});
      }
      std::vector<double> sums;
      for (const auto& response : engine->answer(requests)) sums.push_back(response.logp_nats);
      return sums;
    };
    const auto mc1 = ask(questions[at]["mc1_targets"]);
    const auto labels = std::vector<Json>(questions[at]["mc1_targets"].begin(), questions[at]["mc1_targets"].end());
    EXPECT_EQ(labels[static_cast<std::size_t>(best_of(mc1))] == 1, reference[at]["mc1"].get<double>() == 1.0);
    const auto wanted = reference[at]["mc1_logprob"].get<std::vector<double>>();
    ASSERT_EQ(mc1.size(), wanted.size());
    for (std::size_t i = 0; i < mc1.size(); ++i) EXPECT_NEAR(mc1[i], wanted[i], 1e-3);
    const auto mc2 = ask(questions[at]["mc2_targets"]);
    double right = 0.0;
    double all = 0.0;
    std::size_t next = 0;
    for (const auto& target : questions[at]["mc2_targets"].items()) {
      const auto p = std::exp(mc2[next++]);
      all += p;
      if (target.value() == 1) right += p;
    }
    EXPECT_NEAR(right / all, reference[at]["mc2"].get<double>(), 1e-3);
  }
}
INSTANTIATE_TEST_SUITE_P(Models, ReferenceEval, ::testing::Values("stories260k", "stories3m"));

TEST(Engine, GreedyTextEqualsTheReference) {
  TOUCHSTONE_SHARED_OR_SKIP(folder, "data/model_stories260k");
  const auto reference = read_json(folder / "reference.json");
  std::vector<Request> requests;
  for (const auto& item : reference) {
    requests.emplace_back(Generation{.context = item["text"].get<std::string>(),
                                     .max_new_tokens = static_cast<int>(item["greedy_ids"].size())});
  }
  const auto responses = open(folder / "hf")->answer(requests);
  for (std::size_t at = 0; at < responses.size(); ++at) {
    const auto text = reference[at]["text"].get<std::string>();
    const auto whole = reference[at]["greedy_text"].get<std::string>();
    // Decoded alone, the answer loses one leading space, as in the reference.
    EXPECT_EQ(responses[at].generated.at(0).text, lstrip(whole.substr(text.size())));
  }
}

TEST(Engine, SharedBeginningsAreComputedOnce) {
  TOUCHSTONE_SHARED_OR_SKIP(folder, "data/model_stories260k/hf");
  std::string shots;
  for (int at = 0; at < 8; ++at) shots += "Once upon a time there was a little dog. ";
  std::vector<Request> requests;
  for (const auto* choice : {" A", " B", " C", " D"}) {
    requests.emplace_back(Likelihood{.context = shots + "The dog", .continuation = choice});
    requests.emplace_back(Likelihood{.context = shots + "A cat", .continuation = choice});
  }
  const auto engine = open(folder);
  const auto together = engine->answer(requests);
  const auto counts = engine->counts();
  EXPECT_GT(counts.reused_tokens, 0);
  // Shots once, two questions, and the continuations' tokens but the last.
  EXPECT_LT(counts.prefill_tokens, together[0].prompt_tokens + 40);
  for (std::size_t at = 0; at < requests.size(); ++at) {
    const auto alone = engine->answer(std::span(requests).subspan(at, 1));
    EXPECT_NEAR(alone[0].logp_nats, together[at].logp_nats, 1e-4);
  }
}

TEST(Engine, AnswersDoNotDependOnTheBatch) {
  TOUCHSTONE_SHARED_OR_SKIP(folder, "data/model_stories260k/hf");
  EngineSettings settings;
  settings.model = folder;
  const auto report = parse_json(self_test_engine(settings, *testing::all_families()), "self-test");
  EXPECT_TRUE(report["equal"].get<bool>()) << report.dump(1);
}

TEST(Engine, PromptsLongerThanTheModelLoseTheirBeginning) {
  TOUCHSTONE_SHARED_OR_SKIP(folder, "data/model_stories260k/hf");
  std::string text;
  for (int at = 0; at < 200; ++at) text += "The cat sat on the mat. ";
  const std::vector<Request> requests = {Likelihood{.context = text, .continuation = " end"},
                                         Generation{.context = text, .max_new_tokens = 100},
                                         Generation{.context = text, .max_new_tokens = 600}};
  const auto responses = open(folder)->answer(requests);
  EXPECT_EQ(responses[0].prompt_tokens - responses[0].truncated_tokens + responses[0].tokens, 513);
  EXPECT_EQ(responses[1].prompt_tokens - responses[1].truncated_tokens, 412);
  EXPECT_EQ(responses[2].prompt_tokens - responses[2].truncated_tokens, 256);
  EXPECT_TRUE(std::isfinite(responses[0].logp_nats));
}

TEST(Engine, SamplingFollowsTheSeedAlone) {
  TOUCHSTONE_SHARED_OR_SKIP(folder, "data/model_stories260k/hf");
  const Generation base{
      .context = "Once upon a time", .max_new_tokens = 24, .temperature = 1.6, .samples = 3, .seed = 5};
  auto other = base;
  other.seed = 6;
  const auto engine = open(folder);
  const auto both = engine->answer(std::vector<Request>{base, other});
  const auto alone = engine->answer(std::vector<Request>{base});
  ASSERT_EQ(both[0].generated.size(), 3U);
  for (std::size_t at = 0; at < 3; ++at) EXPECT_EQ(both[0].generated[at].text, alone[0].generated[at].text);
  EXPECT_NE(both[0].generated[0].text, both[0].generated[1].text);
  EXPECT_NE(both[0].generated[0].text, both[1].generated[0].text);
}

TEST(Engine, ADeviceThatIsNotThereIsAnError) {
  try {
    find_device("cuda:63");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::device);
  }
  EXPECT_THROW(find_device("gpu"), Error);
  EXPECT_THROW(find_device("cuda:"), Error);
  EXPECT_EQ(find_device("cpu"), at::Device(at::kCPU));
}

}  // namespace
}  // namespace touchstone
