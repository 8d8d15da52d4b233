// Prompts and scores against lm-evaluation-harness's own, made with a model that is a hash function: every digest and
// every number is what the reference computed, to the last digit.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "harness/base/hash.hpp"
#include "harness/measure/accuracy.hpp"
#include "harness/measure/measure.hpp"
#include "tasks/book.hpp"
#include "tests/support/hash_engine.hpp"
#include "tests/support/support.hpp"
#include "tests/support/toy_data.hpp"

namespace touchstone {

namespace {

using testing::HashEngine;
using testing::request_digest;

/// "metric,filter" to value; the standard error stands under "metric_stderr,filter".
using Numbers = std::map<std::string, double>;

Numbers numbers_of(const std::vector<Score>& scores) {
  Numbers numbers;
  for (const auto& score : scores) {
    const auto comma = score.metric.find(',');
    numbers[score.metric] = score.value;
    numbers[score.metric.substr(0, comma) + "_stderr" + score.metric.substr(comma)] = score.stderror;
  }
  return numbers;
}

void expect_numbers(const std::vector<Score>& scores, const Numbers& wanted) {
  const auto numbers = numbers_of(scores);
  for (const auto& [name, value] : wanted) {
    ASSERT_TRUE(numbers.count(name) == 1) << name;
    EXPECT_EQ(numbers.at(name), value) << name;
  }
}

/// The tasks and the toy data, made once for all tests.
class Conformance : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new testing::TemporaryFolder;
    book_ = new TaskBook;
    add_tasks(*book_);
    testing::write_toy_mmlu(folder_->path());
    testing::write_toy_gsm8k(folder_->path());
    testing::write_toy_truthfulqa(folder_->path());
  }
  static void TearDownTestSuite() {
    delete book_;
    delete folder_;
  }

  static DataFolders data() { return DataFolders({folder_->path()}); }
  static const TaskBook& book() { return *book_; }

  static Measurement run(const std::string& task, int shots, HashEngine& engine) {
    MeasureSettings settings;
    settings.tasks = {task};
    settings.shots = shots;
    return measure(settings, *book_, data(), engine);
  }

 private:
  static inline testing::TemporaryFolder* folder_ = nullptr;
  static inline TaskBook* book_ = nullptr;
};

const std::vector<std::string> greedy_settings = {"do_sample"};
const std::vector<std::string> greedy_cold = {"do_sample", "temperature"};

TEST_F(Conformance, HashModel) {
  HashEngine engine;
  const std::vector<Request> requests = {Likelihood{.context = "A", .continuation = " B"}};
  const auto response = engine.answer(requests, {}, nullptr).front();
  EXPECT_EQ(response.logp_nats, -31.7635);
  EXPECT_TRUE(response.greedy);
}

TEST_F(Conformance, Mmlu) {
  HashEngine engine;
  const auto result = run("mmlu", 5, engine);
  EXPECT_EQ(engine.asked().size(), 900U);
  EXPECT_EQ(request_digest(engine.asked()), "36d5e89d6a3bc89cd58623bca11c5749a13ba5b6e083ca5b418cfd0906ee5be0");
  const std::map<std::string, std::pair<int, Numbers>> wanted = {
      {"mmlu", {225, {{"acc,none", 0.27555555555555555}, {"acc_stderr,none", 0.03018899901248237}}}},
      {"mmlu_stem", {69, {{"acc,none", 0.36231884057971014}, {"acc_stderr,none", 0.057902132990339125}}}},
      {"mmlu_other", {59, {{"acc,none", 0.2033898305084746}, {"acc_stderr,none", 0.05314940034527339}}}},
      {"mmlu_social_sciences", {53, {{"acc,none", 0.24528301886792453}, {"acc_stderr,none", 0.06375767130633384}}}},
      {"mmlu_humanities", {44, {{"acc,none", 0.2727272727272727}, {"acc_stderr,none", 0.06840952526954915}}}}};
  ASSERT_EQ(result.groups.size(), wanted.size());
  for (const auto& group : result.groups) {
    SCOPED_TRACE(group.group);
    EXPECT_EQ(group.items, wanted.at(group.group).first);
    expect_numbers(group.scores, wanted.at(group.group).second);
  }
}

TEST_F(Conformance, MmluAnatomyTwoShots) {
  HashEngine engine;
  const auto task = run("mmlu_anatomy", 2, engine).tasks.front();
  EXPECT_EQ(task.samples[0].prompt,
            "The following are multiple choice questions (with answers) about anatomy.\n\nDev question 0 of anatomy?\n"
            "A. d0w\nB. d0x\nC. d0y\nD. d0z\nAnswer: B\n\nDev question 1 of anatomy?\nA. d1w\nB. d1x\nC. d1y\nD. "
            "d1z\nAnswer: A\n\nTest question 0 of anatomy?\nA. t0w\nB. t0x\nC. t0y\nD. t0z\nAnswer:");
  EXPECT_EQ(task.samples[0].choice_logp, (std::vector<double>{-10.8369, -33.1153, -55.3937, -99.4449}));
  EXPECT_EQ(task.samples[0].verdict.values.at("acc,none"), 0.0);
  EXPECT_EQ(task.samples[0].verdict.extracted, "A");
  EXPECT_EQ(task.samples[0].target, "B");
  EXPECT_EQ(task.samples[1].choice_logp, (std::vector<double>{-4.5047, -82.2263, -59.9479, -15.8967}));
  EXPECT_EQ(task.samples[1].verdict.values.at("acc,none"), 1.0);
}

TEST_F(Conformance, Gsm8k) {
  HashEngine engine(testing::thinking_text);
  const auto task = run("gsm8k", -1, engine).tasks.front();
  EXPECT_EQ(request_digest(engine.asked(), greedy_cold),
            "7c2b539d593d22f7af5cc786946c0b5248b6c957e69db21d6fda53aeb1897ad3");
  EXPECT_EQ(task.samples.size(), 30U);
  expect_numbers(task.scores, {{"exact_match,strict-match", 0.3333333333333333},
                               {"exact_match_stderr,strict-match", 0.0875376219064817},
                               {"exact_match,flexible-extract", 0.3333333333333333},
                               {"exact_match_stderr,flexible-extract", 0.0875376219064817}});
}

TEST_F(Conformance, Gsm8kOneShotReadsTheAnswer) {
  HashEngine engine(testing::thinking_text);
  const auto task = run("gsm8k", 1, engine).tasks.front();
  const auto& sample = task.samples[1];
  EXPECT_EQ(sample.prompt,
            "Question: Q3: what is 3+6?\nAnswer: 3+6=<<3+6=9>>9\n#### 9\n\nQuestion: T1: what is 1 mod 3?\nAnswer:");
  EXPECT_EQ(sample.responses, (std::vector<std::string>{" Thinking 1\nThe answer is 1.\n#### 1\n\n"}));
  EXPECT_EQ(sample.verdict.extracted, "1");
  EXPECT_TRUE(sample.verdict.correct);
  EXPECT_DOUBLE_EQ(*sample.verdict.confidence, std::exp(-1.0));
  EXPECT_NE(task.samples[0].prompt.find("Q14:"), std::string::npos);
  EXPECT_NE(task.samples[2].prompt.find("Q0:"), std::string::npos);
  EXPECT_NE(task.samples[3].prompt.find("Q2:"), std::string::npos);
}

TEST_F(Conformance, Gsm8kChainOfThought) {
  HashEngine engine(testing::thinking_text);
  const auto task = run("gsm8k_cot", -1, engine).tasks.front();
  EXPECT_EQ(request_digest(engine.asked(), greedy_settings),
            "1cbcac7cc264ccd7535e9a9d2de7f8c4b19a6db23edcb881756ee0a5d14ca2ee");
  expect_numbers(task.scores, {{"exact_match,strict-match", 0.3},
                               {"exact_match_stderr,strict-match", 0.0850962943396763},
                               {"exact_match,flexible-extract", 0.3},
                               {"exact_match_stderr,flexible-extract", 0.0850962943396763}});
}

TEST_F(Conformance, Gsm8kChainOfThoughtWithoutShots) {
  HashEngine engine(testing::thinking_text);
  // The task says 0 shots itself, so a wish for 5 is ignored.
  const auto task = run("gsm8k_cot_zeroshot", 5, engine).tasks.front();
  EXPECT_EQ(task.shots, 0);
  EXPECT_EQ(request_digest(engine.asked(), greedy_settings),
            "eb2e6e343207913ee4796ea848eee02062d3932bd17c77f7ef70ce1a1eea3e63");
  expect_numbers(task.scores, {{"exact_match,strict-match", 0.4666666666666667},
                               {"exact_match_stderr,strict-match", 0.09264111117062017},
                               {"exact_match,flexible-extract", 0.4666666666666667},
                               {"exact_match_stderr,flexible-extract", 0.09264111117062017}});
}

TEST_F(Conformance, Gsm8kInLlamasForm) {
  HashEngine engine([](std::uint64_t hash) {
    const auto n = std::to_string((hash >> 16U) % 3U);
    return " Thinking " + n + "\nThe final answer is " + n + "\n";
  });
  const auto task = run("gsm8k_cot_llama", -1, engine).tasks.front();
  EXPECT_EQ(request_digest(engine.asked(), greedy_settings),
            "bac5b5a82815b57e7488066f5d39bc4aba3c0303c7a8ffdc03460093e8ac8643");
  expect_numbers(task.scores, {{"exact_match,strict-match", 0.23333333333333334},
                               {"exact_match_stderr,strict-match", 0.07854032324531728},
                               {"exact_match,flexible-extract", 0.23333333333333334},
                               {"exact_match_stderr,flexible-extract", 0.07854032324531728}});
}

TEST_F(Conformance, TruthfulqaOneTrueAnswer) {
  HashEngine engine;
  const auto task = run("truthfulqa_mc1", -1, engine).tasks.front();
  EXPECT_EQ(engine.asked().size(), 24U);
  EXPECT_EQ(request_digest(engine.asked()), "058d367a390fcff3dbbba46d692d62d7df0d152fb7246a9fc06e22e1356e3781");
  expect_numbers(task.scores, {{"acc,none", 0.5}, {"acc_stderr,none", 0.1889822365046136}});
  EXPECT_EQ(task.samples[0].target_hash, sha256("0"));
}

TEST_F(Conformance, TruthfulqaManyTrueAnswers) {
  HashEngine engine;
  const auto task = run("truthfulqa_mc2", -1, engine).tasks.front();
  EXPECT_EQ(engine.asked().size(), 32U);
  EXPECT_EQ(request_digest(engine.asked()), "548a6355706aef4c69b00c247a98da525bf9677e204a162d7e5990540f2f95d9");
  expect_numbers(task.scores, {{"acc,none", 0.6649211806080281}, {"acc_stderr,none", 0.16717262228976426}});
}

TEST_F(Conformance, TruthfulqaWritten) {
  HashEngine engine(testing::thinking_text);
  const auto task = run("truthfulqa_gen", -1, engine).tasks.front();
  EXPECT_EQ(request_digest(engine.asked(), {"do_sample", "max_gen_toks", "temperature"}),
            "91668758108bb5da279dd48bd77a2da93a74b9b6ca5b4e4789c45abfb8ff4c7f");
  expect_numbers(task.scores, {{"bleu_max,none", 6.772997136689072},
                               {"bleu_max_stderr,none", 0.0},
                               {"bleu_acc,none", 0.0},
                               {"bleu_acc_stderr,none", 0.0},
                               {"bleu_diff,none", 0.0},
                               {"bleu_diff_stderr,none", 0.0},
                               {"rouge1_max,none", 61.363636363636374},
                               {"rouge1_max_stderr,none", 3.3269320668700013},
                               {"rouge1_acc,none", 0.375},
                               {"rouge1_acc_stderr,none", 0.18298126367784995},
                               {"rouge1_diff,none", 2.2727272727272743},
                               {"rouge1_diff_stderr,none", 5.364516766837115},
                               {"rouge2_max,none", 52.77777777777777},
                               {"rouge2_max_stderr,none", 4.06625030395222},
                               {"rouge2_acc,none", 0.375},
                               {"rouge2_acc_stderr,none", 0.18298126367784995},
                               {"rouge2_diff,none", 2.777777777777777},
                               {"rouge2_diff_stderr,none", 6.556631603912024},
                               {"rougeL_max,none", 61.363636363636374},
                               {"rougeL_max_stderr,none", 3.3269320668700013},
                               {"rougeL_acc,none", 0.375},
                               {"rougeL_acc_stderr,none", 0.18298126367784995},
                               {"rougeL_diff,none", 2.2727272727272743},
                               {"rougeL_diff_stderr,none", 5.364516766837115}});
}

std::string letter_of(std::uint64_t hash) {
  return std::string(1, static_cast<char>('A' + static_cast<char>((hash >> 16U) % 12U % 4U)));
}

TEST_F(Conformance, MmluWritten) {
  HashEngine engine([](std::uint64_t hash) { return " " + letter_of(hash) + "\nmore"; });
  const auto task = run("mmlu_anatomy_generative", 2, engine).tasks.front();
  EXPECT_EQ(request_digest(engine.asked()), "d0c11213a51ca0e580502a4f93e43f533b3638394603afbf1a0e9b9a68e6b3d5");
  expect_numbers(task.scores, {{"exact_match,get_response", 0.3333333333333333},
                               {"exact_match_stderr,get_response", 0.33333333333333337}});
}

TEST_F(Conformance, MmluContinuation) {
  HashEngine engine;
  const auto task = run("mmlu_anatomy_continuation", 2, engine).tasks.front();
  EXPECT_EQ(request_digest(engine.asked()), "d480837567e5608f85d3fb5d8257a920b7c4c7a9747110214a8fdc173b62957f");
  expect_numbers(task.scores, {{"acc,none", 0.0}, {"acc_norm,none", 0.0}});
}

TEST_F(Conformance, MmluInFlansForm) {
  HashEngine engine([](std::uint64_t hash) { return " (" + letter_of(hash) + ")\nQ: x"; });
  const auto task = run("mmlu_flan_n_shot_generative_anatomy", 2, engine).tasks.front();
  EXPECT_EQ(request_digest(engine.asked()), "1002a36a30fab446ddd685742c1269ffa37e7019a3506c53474aed2d25801f8d");
  expect_numbers(task.scores,
                 {{"exact_match,strict-match", 0.0}, {"exact_match,flexible-extract", 0.3333333333333333}});
}

/// The stub template: every message is <|role|>, its content and <|end|>, each on a line.
std::string stub_template(const Dialog& dialog, bool add_generation_prompt) {
  std::string text;
  for (const auto& turn : dialog) {
    text += std::string("<|") + role_name(turn.role) + "|>\n" + text_of(turn) + "<|end|>\n";
  }
  return add_generation_prompt ? text + "<|assistant|>\n" : text;
}

struct ChatCase {
  const char* task;
  int shots;
  bool multiturn;
  const char* system;
  const char* digest;
  Numbers numbers;
};

class ChatConformance : public Conformance, public ::testing::WithParamInterface<ChatCase> {};

TEST_P(ChatConformance, PromptsAndScores) {
  const auto& wanted = GetParam();
  const Task& task = book().tasks.get(wanted.task);
  PromptSettings prompts;
  prompts.shots = wanted.shots;
  prompts.multiturn = wanted.multiturn;
  prompts.system_instruction = wanted.system;
  prompts.chat = stub_template;
  const AskSettings asking{.mode = Mode::compat, .chat = true, .seed = 1234};
  const auto examples = task.load(task.evaluated, data());
  const auto contexts = build_contexts(task, examples, task.load(*task.format.shots_from, data()), prompts);
  HashEngine engine(testing::thinking_text);
  std::vector<Sample> samples;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const auto requests = task.ask(examples[i], contexts[i], asking);
    samples.emplace_back().verdict = task.judge(examples[i], engine.answer(requests, {}, nullptr), asking);
  }
  EXPECT_EQ(request_digest(engine.asked(), greedy_cold), wanted.digest);
  expect_numbers(task_scores(task, samples), wanted.numbers);
}

INSTANTIATE_TEST_SUITE_P(
    Reference, ChatConformance,
    ::testing::Values(ChatCase{"mmlu_anatomy",
                               2,
                               true,
                               "",
                               "c2092a32bd8b99eb5063d23b5f4f1897712419fd3bdbc279b5ba54a869135b74",
                               {{"acc,none", 0.3333333333333333}, {"acc_stderr,none", 0.33333333333333337}}},
                      ChatCase{"mmlu_anatomy",
                               2,
                               false,
                               "",
                               "2ef016f147ff0df508d48e74e69ec86e3420505f3d091af1ee0c9986e4a97c27",
                               {{"acc,none", 0.3333333333333333}, {"acc_stderr,none", 0.33333333333333337}}},
                      ChatCase{"mmlu_anatomy",
                               1,
                               true,
                               "Be brief.",
                               "366b49850c1ad2d1324d153f00aaf6d4cf0b3ff490038616694438f24ad25b5a",
                               {{"acc,none", 0.0}, {"acc_stderr,none", 0.0}}},
                      ChatCase{"gsm8k",
                               2,
                               true,
                               "",
                               "9914b9ca9bd9a7c556b9acb43b36e6573d69e71894abcc3e1d82bd90c9dcabf7",
                               {{"exact_match,strict-match", 0.4666666666666667},
                                {"exact_match_stderr,strict-match", 0.09264111117062017},
                                {"exact_match,flexible-extract", 0.4666666666666667}}},
                      ChatCase{"gsm8k",
                               2,
                               false,
                               "Be brief.",
                               "350cf2c7c3a82ee90eee4e6d9a50901dc6c4b0fc3c0b20bf53725a2bc40ff84c",
                               {{"exact_match,strict-match", 0.3333333333333333},
                                {"exact_match_stderr,strict-match", 0.0875376219064817},
                                {"exact_match,flexible-extract", 0.3333333333333333}}}));

}  // namespace
}  // namespace touchstone
