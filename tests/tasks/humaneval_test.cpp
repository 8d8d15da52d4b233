#include <tbb/parallel_for.h>

#include <mutex>

#include "harness/base/json.hpp"
#include "harness/data/prompt.hpp"
#include "harness/measure/accuracy.hpp"
#include "harness/measure/pass_at.hpp"
#include "tests/support/hash_engine.hpp"
#include "tests/support/support.hpp"
#include "tests/support/toy_data.hpp"
#include "tests/tasks/sandbox_support.hpp"

namespace touchstone {
namespace plugins {
void humaneval(TaskBook& book);
}

namespace {
using testing::HashEngine;

TEST(PassAt, EqualsTheReferenceToTheLastDigit) {
  EXPECT_EQ(pass_at(10, 3, 1), 0.30000000000000004);
  EXPECT_EQ(pass_at(10, 3, 5), 0.9166666666666666);
  EXPECT_EQ(pass_at(64, 10, 8), 0.7649283965930666);
  EXPECT_EQ(pass_at(1, 1, 1), 1.0);
  EXPECT_EQ(pass_at(1, 0, 1), 0.0);
  EXPECT_EQ(pass_at(4, 2, 3), 1.0);  // only two fail, so three drawn hold one that passes
  EXPECT_EQ(pass_at(4, 0, 4), 0.0);
}

Response answered(const std::vector<std::string>& texts) {
  Response response;
  for (const auto& text : texts) response.generated.push_back({.text = text, .logp_nats = {-1.0}, .finished = true});
  return response;
}

class HumanEval : public testing::SandboxTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    plugins::humaneval(book_);
  }

  static std::string toy_row(int i) {
    const auto n = std::to_string(i % 3);
    Json row;
    row["task_id"] = "HumanEval/" + std::to_string(i);
    row["prompt"] = "def f(x):\n    \"\"\"add " + n + ", problem " + std::to_string(i) + "\"\"\"\n";
    row["entry_point"] = "f";
    row["canonical_solution"] = "    return x + " + n + "\n";
    row["test"] = "def check(c):\n    assert c(1) == " + std::to_string(1 + i % 3) + "\n";
    return row.dump();
  }

  DataFolders toy_data(const std::string& more = "") {
    std::string text;
    for (int i = 0; i < 9; ++i) text += toy_row(i) + "\n";
    testing::write_text(folder_.path() / "humaneval" / "test.jsonl", text + more);
    return DataFolders({folder_.path()});
  }

  /// Metric to value; standard errors under "NAME stderr".
  std::map<std::string, double> run(const std::string& name, HashEngine& engine) {
    const auto& task = book_.tasks.get(name);
    const auto examples = task.load(Split::test, toy_data());
    contexts_ = build_contexts(task, examples, {}, {});
    std::vector<Request> requests;
    for (std::size_t at = 0; at < examples.size(); ++at) {
      requests.push_back(task.ask(examples[at], contexts_[at], {}).front());
    }
    const auto responses = engine.answer(requests, {}, nullptr);
    std::vector<Sample> samples(examples.size());
    for (std::size_t at = 0; at < examples.size(); ++at) {
      samples[at].verdict = task.judge(examples[at], std::span(responses).subspan(at, 1), {});
    }
    std::map<std::string, double> scores;
    for (const auto& score : task_scores(task, samples)) {
      scores[score.metric] = score.value;
      scores[score.metric + " stderr"] = score.stderror;
    }
    return scores;
  }

  Verdict judge(const std::string& task, const Example& example, const std::vector<std::string>& texts) {
    const std::vector<Response> responses = {answered(texts)};
    return book_.tasks.get(task).judge(example, responses, {});
  }

  testing::TemporaryFolder folder_;
  TaskBook book_;
  std::vector<std::string> contexts_;
};

std::string added(std::uint64_t hash) { return "    return x + " + std::to_string((hash >> 16U) % 3U); }

TEST_F(HumanEval, PromptsAndScoreAreTheReferences) {
  HashEngine engine([](std::uint64_t hash) { return added(hash) + "\n\ndef g():\n    pass"; });
  const auto scores = run("humaneval", engine);
  EXPECT_EQ(testing::request_digest(engine.asked(), {"do_sample", "max_gen_toks"}),
            "f4a9f4459778350738239f13270e6443cfbb90b091eb0248e4d8631ed3448b9b");
  EXPECT_EQ(scores.at("pass@1,create_test"), 0.2222222222222222);
  EXPECT_EQ(scores.at("pass@1,create_test stderr"), 0.1469861839480328);
  EXPECT_EQ(scores.at("wrong_answer,create_test"), 1.0 - 2.0 / 9.0);
  EXPECT_EQ(scores.at("timeout,create_test"), 0.0);
}

TEST_F(HumanEval, InstructPromptsAndScoreAreTheReferences) {
  HashEngine engine([](std::uint64_t hash) { return added(hash) + "\n```\nDone"; });
  const auto scores = run("humaneval_instruct", engine);
  EXPECT_EQ(testing::request_digest(engine.asked(), {"do_sample", "max_gen_toks"}),
            "add3b568abbca9d61e3e517501961c879acb417c35b1713921a8bfb427963e43");
  EXPECT_EQ(scores.at("pass@1,create_test"), 0.1111111111111111);
  EXPECT_EQ(scores.at("pass@1,create_test stderr"), 0.1111111111111111);
  EXPECT_EQ(contexts_[0],
            "Write a solution to the following problem and make sure that it passes the tests:\n```python\ndef f(x):\n"
            "    \"\"\"add 0, problem 0\"\"\"\n\n```\nHere is the completed function:\n```python\ndef f(x):\n"
            "    \"\"\"add 0, problem 0\"\"\"\n\n");
}

TEST_F(HumanEval, SixtyFourSamplesGiveFiveNumbers) {
  const auto& task = book_.tasks.get("humaneval_64");
  const auto examples = task.load(Split::test, toy_data());
  const auto requests = task.ask(examples[1], "context", {});
  const auto& asked = std::get<Generation>(requests.front());
  EXPECT_EQ(asked.samples, 64);
  EXPECT_EQ(asked.temperature, 0.2);
  EXPECT_EQ(asked.top_p, 0.95);
  EXPECT_NE(asked.seed, std::get<Generation>(task.ask(examples[2], "context", {}).front()).seed);
  std::vector<std::string> texts(64, "    return x + 2");
  for (std::size_t at = 3; at < 13; ++at) texts[at] = "    return x + 1";
  texts[63] = "    return (";
  const auto verdict = judge("humaneval_64", examples[1], texts);
  EXPECT_EQ(verdict.values.at("pass@8,create_test"), pass_at(64, 10, 8));
  EXPECT_EQ(verdict.values.at("pass@64,create_test"), 1.0);
  EXPECT_EQ(verdict.values.at("syntax_error,create_test"), 1.0 / 64);
  EXPECT_EQ(verdict.score, pass_at(64, 10, 2));
  EXPECT_FALSE(verdict.correct);
  EXPECT_EQ(verdict.detail, "53 wrong answer, 10 passed, 1 syntax error");
}

TEST_F(HumanEval, DetailSaysHowAProgramFailed) {
  const auto examples = book_.tasks.get("humaneval").load(Split::test, toy_data());
  EXPECT_EQ(judge("humaneval", examples[1], {"    return x + 1"}).detail, "passed");
  EXPECT_EQ(judge("humaneval", examples[1], {"    return y"}).detail, "exception: NameError: name 'y' is not defined");
  EXPECT_EQ(judge("humaneval", examples[1], {"    import os; os._exit(0)"}).values.at("killed,create_test"), 1.0);
  EXPECT_FALSE(judge("humaneval", examples[1], {"    return ("}).parsed);
  // Without a body there is still the docstring, so the function is one that gives None.
  EXPECT_EQ(judge("humaneval", examples[1], {""}).detail, "wrong answer");
}

TEST_F(HumanEval, TrainingSeesThePromptAndTheSolution) {
  const auto& task = book_.tasks.get("humaneval");
  const auto pair = training_pair(task, task.load(Split::test, toy_data())[2]);
  EXPECT_EQ(plain_text(pair.prompt) + pair.answer, "def f(x):\n    \"\"\"add 2, problem 2\"\"\"\n    return x + 2\n");
}

TEST_F(HumanEval, BadRowsAreFaultsOfTheData) {
  const auto& task = book_.tasks.get("humaneval");
  const std::string start = R"({"task_id":"a","prompt":"p","canonical_solution":"s","test":"t")";
  for (const char* entry :
       {R"(,"entry_point":"f; import os"})", R"(,"entry_point":""})", R"(,"entry_point":3})", "}"}) {
    try {
      task.load(Split::test, toy_data(start + entry + "\n"));
      ADD_FAILURE() << entry;
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::data);
      EXPECT_NE(std::string(error.what()).find("line 10"), std::string::npos) << error.what();
    }
  }
}

TEST_F(HumanEval, CanonicalSolutionsPassAndSpoiltOnesFail) {
  TOUCHSTONE_SHARED_OR_SKIP(data, "data");
  const auto examples = book_.tasks.get("humaneval").load(Split::test, DataFolders({data}));
  ASSERT_EQ(examples.size(), 164U);
  // Gives the right answer, a little changed.
  const std::string spoil = R"(
_right = ENTRY
def ENTRY(*a):
    v = _right(*a)
    if isinstance(v, bool): return not v
    if isinstance(v, (int, float)): return v + 1
    if isinstance(v, str): return v + 'x'
    if isinstance(v, list): return v + [0]
    if isinstance(v, tuple): return v + (0,)
    return dict(v, x=1) if isinstance(v, dict) else 1
)";
  std::mutex mutex;
  std::vector<std::string> surprises;
  tbb::parallel_for(std::size_t{0}, examples.size(), [&](std::size_t at) {
    const auto& example = examples[at];
    std::string changed = spoil;
    for (auto place = changed.find("ENTRY"); place != std::string::npos; place = changed.find("ENTRY")) {
      changed.replace(place, 5, example.facts.at("entry_point"));
    }
    const auto right = judge("humaneval", example, {example.targets.front()});
    const auto wrong = judge("humaneval", example, {example.targets.front() + changed});
    const std::lock_guard lock(mutex);
    if (!right.correct) surprises.push_back(example.id + ": " + right.detail);
    if (wrong.detail != "wrong answer") surprises.push_back(example.id + " (spoilt): " + wrong.detail);
  });
  EXPECT_EQ(surprises, std::vector<std::string>());
}

}  // namespace
}  // namespace touchstone
