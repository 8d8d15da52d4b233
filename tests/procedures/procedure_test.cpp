// How models answer: procedures beside weights, from the file to the measured sample.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <sstream>

#include "harness/base/files.hpp"
#include "harness/engine/open_engine.hpp"
#include "harness/engine/side_model.hpp"
#include "harness/measure/measure.hpp"
#include "harness/model/cache_policy.hpp"
#include "harness/model/logits.hpp"
#include "tests/trainers/tiny.hpp"

namespace touchstone {
namespace {

using testing::checkpoints;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::make_tiny;
using ::testing::SizeIs;
using testing::trainer_book;
using testing::write_text;

Procedure procedure_of(const std::string& json) {
  ProcedureFile file{.json = json, .models = {}, .where = "procedure.json"};
  return read_procedure(file, trainer_book().procedures);
}

/// Answers by a script, whatever the weights would say.
class ScriptedEngine : public Engine {
 public:
  using Script = std::function<Response(const Request&)>;
  ScriptedEngine(Script script, std::optional<Procedure> procedure)
      : script_(std::move(script)), procedure_(std::move(procedure)) {}
  std::vector<Response> answer(std::span<const Request> requests, const std::function<void(std::size_t)>&,
                               const CancelFlag*) override {
    std::vector<Response> all;
    for (const auto& request : requests) all.push_back(script_(request));
    asked.insert(asked.end(), requests.begin(), requests.end());
    return all;
  }
  const EngineInfo& info() const override { return info_; }
  EngineCounts counts() const override { return {}; }
  const ChatTemplate* chat_template() const override { return nullptr; }
  const Procedure* procedure() const override { return procedure_ ? &*procedure_ : nullptr; }
  std::vector<Request> asked;

 private:
  Script script_;
  std::optional<Procedure> procedure_;
  EngineInfo info_;
};

/// One question, "?", whose right answer is 7; what is read out of an answer is its first digit.
Task digit_task() {
  Task task;
  task.name = "digit";
  task.version = "1";
  task.format.shots_fixed = true;
  task.metrics = {{.name = "exact_match,none"}};
  task.load = [](Split, const DataFolders&) {
    Example example;
    example.id = "digit/0";
    example.question = "?";
    example.targets = {"7"};
    return std::vector<Example>{example};
  };
  task.ask = [](const Example&, const std::string& context, const AskSettings&) -> std::vector<Request> {
    return {Generation{.context = context, .max_new_tokens = 8, .until = {"\n"}, .seed = 3}};
  };
  task.judge = [](const Example& example, std::span<const Response> responses, const AskSettings&) {
    Verdict verdict;
    const auto text = responses.front().generated.at(0).text;
    const auto digit = text.find_first_of("0123456789");
    verdict.parsed = digit != std::string::npos;
    if (verdict.parsed) verdict.extracted = text.substr(digit, 1);
    verdict.correct = verdict.extracted == example.targets.front();
    verdict.score = verdict.correct ? 1.0 : 0.0;
    verdict.values["exact_match,none"] = verdict.score;
    return verdict;
  };
  return task;
}

/// Two choices behind one drawn shot.
Task choice_task() {
  Task task;
  task.name = "choice";
  task.version = "1";
  task.format.shots = 1;
  task.format.shots_from = Split::train;
  task.metrics = {{.name = "acc,none"}};
  task.load = [](Split split, const DataFolders&) {
    std::vector<Example> all;
    for (int i = 0; i < (split == Split::train ? 20 : 1); ++i) {
      Example example;
      example.id = std::string("choice/") + split_name(split) + "/" + std::to_string(i);
      example.question = split == Split::train ? "shot " + std::to_string(i) : "asked";
      example.choices = {"a", "b"};
      example.targets = {"a"};
      example.gold = {0};
      all.push_back(std::move(example));
    }
    return all;
  };
  task.ask = [](const Example& example, const std::string& context, const AskSettings&) {
    std::vector<Request> requests;
    for (const auto& choice : example.choices)
      requests.emplace_back(Likelihood{.context = context, .continuation = " " + choice});
    return requests;
  };
  task.judge = [](const Example& example, std::span<const Response> responses, const AskSettings&) {
    Verdict verdict;
    const auto best = responses[1].logp_nats > responses[0].logp_nats ? 1 : 0;
    verdict.extracted = example.choices[static_cast<std::size_t>(best)];
    verdict.correct = best == example.gold.front();
    verdict.score = verdict.correct ? 1.0 : 0.0;
    verdict.values["acc,none"] = verdict.score;
    return verdict;
  };
  return task;
}

const TaskBook& tasks() {
  static const TaskBook filled = [] {
    TaskBook book;
    book.tasks.add("digit", digit_task());
    book.tasks.add("choice", choice_task());
    return book;
  }();
  return filled;
}

TaskMeasure measured(Engine& engine, const std::string& task) {
  MeasureSettings settings;
  settings.tasks = {task};
  auto measurement = measure(settings, tasks(), testing::no_data(), engine);
  return std::move(measurement.tasks.at(0));
}

ScriptedEngine::Script writes(std::vector<std::string> texts) {
  return [texts](const Request& request) {
    Response response;
    const auto& generation = std::get<Generation>(request);
    for (int i = 0; i < generation.samples; ++i) {
      response.generated.push_back(
          {.text = texts.at(static_cast<std::size_t>(i)), .logp_nats = {-1.0}, .finished = true});
    }
    response.forward_tokens = std::int64_t{10} * generation.samples;
    response.cache_bytes = 100;
    return response;
  };
}

// By hand: 7 twice, 3 three times, one unreadable: 3 wins with 3 of 6, whose first text is "it is 3".
TEST(Vote, TheMajorityOfWhatTheTaskReadsWins) {
  ScriptedEngine engine(writes({"7", "it is 3", "x", "7!", "3", "3."}), procedure_of(R"({"procedure":"vote","k":6})"));
  const auto result = measured(engine, "digit");
  const auto& sample = result.samples.at(0);
  EXPECT_THAT(sample.responses, ElementsAre("it is 3", "7", "it is 3", "x", "7!", "3", "3."));
  EXPECT_EQ(sample.verdict.extracted, "3");
  EXPECT_FALSE(sample.verdict.correct);
  EXPECT_EQ(sample.verdict.detail, "3 of 6 votes");
  EXPECT_EQ(sample.forward_tokens, 60);
  EXPECT_EQ(sample.cache_bytes, 100);
  const auto& asked = std::get<Generation>(engine.asked.at(0));
  EXPECT_EQ(asked.samples, 6);
  EXPECT_EQ(asked.temperature, 0.7);
  EXPECT_THAT(asked.until, ElementsAre("\n"));
  EXPECT_THAT(result.warnings, IsEmpty());
}

TEST(Vote, OfEquallyManyTheEarliestWinsAndUnreadableOnesDoNotVote) {
  ScriptedEngine tie(writes({"x", "y", "7", "3", "3", "7", "x"}), procedure_of(R"({"procedure":"vote","k":7})"));
  EXPECT_EQ(measured(tie, "digit").samples.at(0).responses.front(), "7");
  ScriptedEngine none(writes({"x", "y", "y"}), procedure_of(R"({"procedure":"vote","k":3})"));
  const auto sample = measured(none, "digit").samples.at(0);
  EXPECT_EQ(sample.responses.front(), "x");
  EXPECT_FALSE(sample.verdict.parsed);
}

ScriptedEngine::Script scores() {
  return [first = std::string()](const Request& request) mutable {
    const auto& pair = std::get<Likelihood>(request);
    if (first.empty()) first = pair.context;
    Response response;
    const bool a = pair.continuation == " a";
    response.logp_nats = std::log(pair.context == first ? (a ? 0.06 : 0.04) : (a ? 0.002 : 0.018));
    response.forward_tokens = 5;
    return response;
  };
}

TEST(Vote, LogLikelihoodsAreScoredPlainlyAndSaidToBe) {
  ScriptedEngine plain(scores(), std::nullopt);
  ScriptedEngine voting(scores(), procedure_of(R"({"procedure":"vote"})"));
  const auto expected = measured(plain, "choice");
  const auto result = measured(voting, "choice");
  EXPECT_EQ(result.samples.at(0).choice_logp, expected.samples.at(0).choice_logp);
  EXPECT_EQ(result.samples.at(0).responses, expected.samples.at(0).responses);
  EXPECT_THAT(expected.warnings, IsEmpty());
  ASSERT_THAT(result.warnings, SizeIs(1));
  EXPECT_EQ(result.warnings[0].kind, Warning::Kind::procedure);
  EXPECT_EQ(result.warnings[0].text,
            "choice: 1 of 1 questions were answered without the model's procedure: nothing is written: log-likelihoods "
            "are scored plainly");
}

// By hand: among the choices the first prompt gives 0.6 and 0.4, the other 0.1 and 0.9; the means are 0.35 and 0.65.
TEST(Ensemble, ProbabilitiesOfTheChoicesAreAveragedOverPrompts) {
  ScriptedEngine plain(scores(), std::nullopt);
  EXPECT_TRUE(measured(plain, "choice").samples.at(0).verdict.correct);
  ScriptedEngine engine(scores(), procedure_of(R"({"procedure":"ensemble","shot_sets":2})"));
  const auto result = measured(engine, "choice");
  const auto& sample = result.samples.at(0);
  ASSERT_THAT(engine.asked, SizeIs(4));
  EXPECT_NE(std::get<Likelihood>(engine.asked[0]).context, std::get<Likelihood>(engine.asked[2]).context);
  EXPECT_FALSE(sample.verdict.correct);
  const auto together = std::exp(sample.choice_logp[0]) + std::exp(sample.choice_logp[1]);
  EXPECT_NEAR(std::exp(sample.choice_logp[0]) / together, 0.35, 1e-12);
  // The geometric mean of what both choices have together: sqrt(0.1 * 0.02).
  EXPECT_NEAR(together, std::sqrt(0.1 * 0.02), 1e-12);
  EXPECT_EQ(sample.forward_tokens, 20);
  EXPECT_THAT(result.warnings, IsEmpty());
}

TEST(Ensemble, OnePromptIsPlain) {
  ScriptedEngine plain(scores(), std::nullopt);
  ScriptedEngine one(scores(), procedure_of(R"({"procedure":"ensemble","shot_sets":1})"));
  EXPECT_EQ(measured(one, "choice").samples.at(0).choice_logp, measured(plain, "choice").samples.at(0).choice_logp);
}

/// The one question of choice_task(), whose answer is written.
Task written_task(const std::function<void(std::vector<Request>&)>& change = {}) {
  auto task = choice_task();
  task.ask = [change](const Example&, const std::string& context, const AskSettings&) {
    std::vector<Request> requests = {
        Generation{.context = context, .max_new_tokens = 8, .top_p = 0.5, .until = {"\n"}, .seed = 3}};
    if (change) change(requests);
    return requests;
  };
  task.judge = [](const Example&, std::span<const Response> responses, const AskSettings&) {
    Verdict verdict;
    const auto& written = responses.front().generated;
    verdict.correct = !written.empty() && written.front().text == "7";
    verdict.score = verdict.correct ? 1.0 : 0.0;
    for (const auto& metric : choice_task().metrics) verdict.values[metric.name] = verdict.score;
    return verdict;
  };
  return task;
}

TaskMeasure measured(Engine& engine, Task task) {
  TaskBook book;
  task.name = "written";
  book.tasks.add("written", std::move(task));
  MeasureSettings settings;
  settings.tasks = {"written"};
  auto measurement = measure(settings, book, testing::no_data(), engine);
  return std::move(measurement.tasks.at(0));
}

TEST(Ensemble, AWrittenAnswerIsAskedOnceBehindAllItsPrompts) {
  ScriptedEngine plain(writes({"7"}), std::nullopt);
  measured(plain, written_task());
  ScriptedEngine choices(scores(), procedure_of(R"({"procedure":"ensemble","shot_sets":3})"));
  measured(choices, "choice");
  ScriptedEngine engine(writes({"7"}), procedure_of(R"({"procedure":"ensemble","shot_sets":3})"));
  const auto result = measured(engine, written_task());
  ASSERT_THAT(engine.asked, SizeIs(1));
  const auto& asked = std::get<Generation>(engine.asked[0]);
  const auto& alone = std::get<Generation>(plain.asked[0]);
  EXPECT_EQ(asked.context, alone.context);
  EXPECT_EQ(asked.until, alone.until);
  EXPECT_EQ(asked.seed, alone.seed);
  EXPECT_EQ(asked.top_p, 0.5);
  // The prompts of the second and third draw, as scored choices have them.
  EXPECT_THAT(asked.further_contexts, ElementsAre(std::get<Likelihood>(choices.asked[2]).context,
                                                  std::get<Likelihood>(choices.asked[4]).context));
  EXPECT_THAT(result.samples.at(0).responses, ElementsAre("7"));
  EXPECT_TRUE(result.samples.at(0).verdict.correct);
  EXPECT_EQ(result.samples.at(0).forward_tokens, 10);
  EXPECT_THAT(result.warnings, IsEmpty());
}

TEST(Ensemble, WhatCannotBeCombinedIsDeclinedByName) {
  const auto declined = [](Task task) {
    ScriptedEngine engine(
        [](const Request& request) {
          Response response;
          if (std::holds_alternative<Generation>(request)) {
            auto& written = response.generated.emplace_back();
            written.text = "7";
            written.finished = true;
          }
          return response;
        },
        procedure_of(R"({"procedure":"ensemble"})"));
    const auto result = measured(engine, std::move(task));
    for (const auto& asked : engine.asked) {
      const auto* generation = std::get_if<Generation>(&asked);
      EXPECT_TRUE(generation == nullptr || generation->further_contexts.empty());
    }
    // What is stored of scored choices are their texts.
    const bool scored = std::any_of(engine.asked.begin(), engine.asked.end(),
                                    [](const Request& request) { return std::holds_alternative<Likelihood>(request); });
    EXPECT_THAT(result.samples.at(0).responses.front(), scored ? "a" : "7");
    EXPECT_THAT(result.warnings, SizeIs(1));
    EXPECT_EQ(result.warnings.at(0).kind, Warning::Kind::procedure);
    const std::string start = "written: 1 of 1 questions were answered without the model's procedure: ";
    EXPECT_EQ(result.warnings[0].text.substr(0, start.size()), start);
    return result.warnings[0].text.substr(start.size());
  };
  EXPECT_EQ(declined(digit_task()), "its prompts are all equal: no shots are drawn");
  EXPECT_EQ(declined(written_task([](std::vector<Request>& requests) {
              std::get<Generation>(requests[0]).media = {Image{.width_px = 1, .height_px = 1, .rgb = {1, 2, 3}}};
            })),
            "its prompts hold pictures: answers are written behind several texts alone");
  EXPECT_EQ(
      declined(written_task([](std::vector<Request>& requests) {
        requests.emplace_back(Likelihood{.context = std::get<Generation>(requests[0]).context, .continuation = " a"});
      })),
      "some of its answers are scored and some are written");
  EXPECT_EQ(declined(written_task([](std::vector<Request>& requests) { requests.emplace_back(Rolling{"all"}); })),
            "a whole text is scored: it has one prompt");
}

std::string fault_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was wrong";
}

TEST(ProcedureFile, WhatIsWrongIsSaidInOneLine) {
  EXPECT_EQ(fault_of([] { procedure_of(R"({"procedure":"vot"})"); }),
            "procedure.json: unknown procedure 'vot': did you mean 'vote'?");
  EXPECT_THAT(fault_of([] { procedure_of(R"({"procedure":"vote","K":3})"); }), HasSubstr("unknown key 'K'"));
  EXPECT_EQ(fault_of([] { procedure_of(R"({"procedure":"vote","k":0})"); }),
            "procedure.json: key 'k': found 0, expected a whole number in [1, 1024]");
  EXPECT_EQ(fault_of([] { procedure_of(R"({"k":3})"); }), "procedure.json: key 'procedure' is missing; there are: k");
  EXPECT_EQ(
      fault_of([] { procedure_of(R"({"procedure":"guide"})"); }),
      "procedure.json: procedure 'guide' needs a second model, expected the key 'models' with {\"guide\": FOLDER}");
  const testing::TemporaryFolder folder;
  for (const auto* text : {"[]", "{", R"({"procedure":"guide","models":3})", R"({"models":{"guide":3}})"}) {
    write_text(folder.path() / procedure_file, text);
    EXPECT_THAT(fault_of([&] { find_procedure(folder.path(), folder.path()); }), HasSubstr("procedure.json")) << text;
  }
}

TEST(ProcedureFile, IsPartOfTheModelsIdentity) {
  const testing::TemporaryFolder folder;
  const auto model = make_tiny(folder.path() / "model");
  const auto plain = checkpoints().model_hash(model);
  write_text(model / procedure_file, R"({"procedure":"vote","k":5})");
  const auto five = checkpoints().inspect(model).model_hash;
  EXPECT_EQ(five, checkpoints().model_hash(model));
  EXPECT_NE(five, plain);
  write_text(model / procedure_file, R"({"k": 5, "procedure": "vote"})");
  EXPECT_EQ(checkpoints().model_hash(model), five);
  write_text(model / procedure_file, R"({"procedure":"vote","k":6})");
  EXPECT_NE(checkpoints().model_hash(model), five);
  // The weights of a model that it names count, where they lie does not.
  make_tiny(folder.path() / "one", 8);
  make_tiny(folder.path() / "two", 8);
  make_tiny(folder.path() / "three", 9);
  const auto guided = [&](const std::string& guide) {
    write_text(model / procedure_file, R"({"procedure":"guide","models":{"guide":"../)" + guide + "\"}}");
    return checkpoints().model_hash(model);
  };
  EXPECT_EQ(guided("one"), guided("two"));
  EXPECT_NE(guided("one"), guided("three"));
  EXPECT_THAT(fault_of([&] { guided("model"); }), HasSubstr("does one name itself?"));
  std::filesystem::remove(model / procedure_file);
  EXPECT_EQ(checkpoints().model_hash(model), plain);
}

std::unique_ptr<Engine> open(const std::filesystem::path& folder, const ProcedureBook& book, int batch_tokens = 4096,
                             int threads = 1) {
  std::ostringstream nowhere;
  Log log(nowhere, true);
  EngineSettings settings;
  settings.model = folder;
  settings.device = "cpu";
  settings.batch_tokens = batch_tokens;
  settings.threads = threads;
  return open_engine(settings, checkpoints(), log, book);
}

/// Requests of both kinds, some of which share beginnings.
std::vector<Request> some_requests() {
  std::vector<Request> requests;
  for (const auto* context : {"once upon a time", "once upon a time there", "12+30="}) {
    requests.emplace_back(Likelihood{.context = context, .continuation = " was a cat"});
    requests.emplace_back(Likelihood{.context = context, .continuation = " be"});
    requests.emplace_back(Generation{.context = context, .max_new_tokens = 12});
    requests.emplace_back(
        Generation{.context = context, .max_new_tokens = 9, .temperature = 1.0, .samples = 3, .seed = 5});
  }
  return requests;
}

void expect_equal(const std::vector<Response>& a, const std::vector<Response>& b, double nats) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t at = 0; at < a.size(); ++at) {
    EXPECT_NEAR(a[at].logp_nats, b[at].logp_nats, nats);
    EXPECT_EQ(a[at].forward_tokens, b[at].forward_tokens);
    EXPECT_EQ(a[at].cache_bytes, b[at].cache_bytes);
    ASSERT_EQ(a[at].generated.size(), b[at].generated.size());
    for (std::size_t i = 0; i < a[at].generated.size(); ++i)
      EXPECT_EQ(a[at].generated[i].tokens, b[at].generated[i].tokens);
  }
}

TEST(Vote, OneAnswerAtTemperatureZeroEqualsPlainToTheLastBit) {
  const testing::TemporaryFolder folder;
  const auto plain = make_tiny(folder.path() / "plain");
  const auto voting = make_tiny(folder.path() / "voting");
  write_text(voting / procedure_file, R"({"procedure":"vote","k":1,"temperature":0})");
  const auto one = open(plain, trainer_book().procedures);
  const auto other = open(voting, trainer_book().procedures);
  EXPECT_EQ(other->info().procedure, R"({"k":1,"procedure":"vote","temperature":0})");
  const auto expected = measured(*one, "digit");
  const auto result = measured(*other, "digit");
  EXPECT_EQ(result.samples.at(0).responses, expected.samples.at(0).responses);
  EXPECT_EQ(result.samples.at(0).verdict.detail, expected.samples.at(0).verdict.detail);
  EXPECT_EQ(result.samples.at(0).forward_tokens, expected.samples.at(0).forward_tokens);
  EXPECT_GT(result.samples.at(0).forward_tokens, 0);
  EXPECT_EQ(result.scores.at(0).value, expected.scores.at(0).value);
  MeasureSettings settings;
  EXPECT_NE(measure_key(one->info(), "digit", "1", "", settings),
            measure_key(other->info(), "digit", "1", "", settings));
}

// <s>, one token a character, and 3 answers of at most 8 tokens, of which the last is drawn and not run. The keys and
// values of a token are at least 2 layers x 2 x 2 heads x 8 numbers of 4 bytes; storage in pages takes more.
TEST(Work, IsWhatTheAnswerTakesByItself) {
  const testing::TemporaryFolder folder;
  const auto engine = open(make_tiny(folder.path() / "model"), no_procedures());
  Generation asked{.context = "abc", .max_new_tokens = 8, .temperature = 1.0, .samples = 3};
  const std::vector<Request> requests = {Likelihood{.context = "abc", .continuation = "de"}, asked};
  const auto responses = engine->answer(requests);
  EXPECT_EQ(responses[0].forward_tokens, 1 + 3 + 1);  // the last token is scored, not run
  const auto bytes = checkpoints().load(folder.path() / "model", {.answering = true})->cache_bytes_per_token();
  EXPECT_GE(bytes, 2 * 2 * 2 * 8 * 4);
  EXPECT_EQ(responses[0].cache_bytes, 5 * bytes);
  std::int64_t drawn = 0;
  for (const auto& answer : responses[1].generated) drawn += static_cast<std::int64_t>(answer.tokens.size());
  EXPECT_EQ(responses[1].forward_tokens, 4 + drawn - 3);
  EXPECT_EQ(responses[1].cache_bytes, responses[1].forward_tokens * bytes);
}

/// Forbids one token, and remembers what it saw.
class Forbid : public LogitsProcessor {
 public:
  explicit Forbid(std::int64_t token) : token_(token) {}
  Tensor process(const Tensor& logits, std::span<const LogitsRow> rows) override {
    EXPECT_EQ(logits.size(0), static_cast<std::int64_t>(rows.size()));
    for (const auto& row : rows) {
      EXPECT_EQ(row.tokens.front(), 1);  // <s>
      if (row.cache != nullptr) {
        EXPECT_EQ(row.cache->length(row.cache_row), static_cast<std::int64_t>(row.tokens.size()));
      }
    }
    auto changed = logits.clone();
    changed.select(1, token_).fill_(-std::numeric_limits<float>::infinity());
    return changed;
  }

 private:
  std::int64_t token_;
};

constexpr int letter_a = 5 + 'a' - ' ';

ProcedureBook forbidding() {
  ProcedureBook book{"procedure"};
  book.add("forbid", {.summary = "forbids a token", .make = [](Options& options) {
                        const auto token = options.integer("token", "which", {.fallback = 0});
                        Procedure procedure;
                        procedure.logits = [token](const OtherModels&) { return std::make_unique<Forbid>(token); };
                        return procedure;
                      }});
  return book;
}

TEST(Logits, AreChangedBeforeDrawingAndScoring) {
  const testing::TemporaryFolder folder;
  const auto model = make_tiny(folder.path() / "model");
  const auto requests = some_requests();
  const auto plain = open(model, no_procedures())->answer(requests);
  // The token that the plain model writes first is forbidden.
  const auto first = plain[2].generated[0].tokens[0];
  write_text(model / procedure_file, R"({"procedure":"forbid","token":)" + std::to_string(first) + "}");
  const auto book = forbidding();
  const auto changed = open(model, book)->answer(requests);
  for (const auto& response : changed) {
    for (const auto& answer : response.generated)
      EXPECT_THAT(answer.tokens, ::testing::Not(::testing::Contains(first)));
  }
  EXPECT_NE(changed[2].generated[0].tokens, plain[2].generated[0].tokens);
  // Scoring, by hand: the probability that the forbidden token had goes to the others.
  write_text(model / procedure_file, R"({"procedure":"forbid","token":)" + std::to_string(letter_a) + "}");
  const auto scored = open(model, book)->answer(requests);
  const auto loaded = checkpoints().load(model, {});
  const at::NoGradGuard no_gradients;
  const std::string text = "once upon a time be";
  std::vector<std::int64_t> tokens = {1};
  for (const char c : text) tokens.push_back(5 + c - ' ');
  Inputs inputs;
  inputs.tokens = at::tensor(tokens, at::kLong);
  inputs.starts = {0, static_cast<std::int64_t>(tokens.size())};
  auto logits = loaded->forward(inputs, {}).logits.clone();
  logits.select(1, letter_a).fill_(-std::numeric_limits<float>::infinity());
  const auto logp = at::log_softmax(logits, -1);
  double expected = 0.0;
  for (auto at = tokens.size() - 3; at < tokens.size(); ++at)
    expected += logp[static_cast<std::int64_t>(at) - 1][tokens[at]].item<double>();
  EXPECT_NEAR(scored[1].logp_nats, expected, 1e-4);
  EXPECT_EQ(scored[0].logp_nats, -std::numeric_limits<double>::infinity());
  EXPECT_THAT(fault_of([&] { open(model, no_procedures()); }), HasSubstr("unknown procedure 'forbid'"));
}

/// Greedy text and log-likelihood of two models' sum, token by token, with nothing shared or cached.
struct ByHand {
  std::vector<std::int32_t> tokens;
  double logp = 0.0;
};

Tensor joined_logp(Model& model, Model& guide, const std::vector<std::int64_t>& tokens, double weight) {
  Inputs inputs;
  inputs.tokens = at::tensor(tokens, at::kLong);
  inputs.starts = {0, static_cast<std::int64_t>(tokens.size())};
  const auto last = [&](Model& one) { return at::log_softmax(one.forward(inputs, {}).logits[-1], -1); };
  return at::log_softmax(last(model) + weight * last(guide), -1);
}

TEST(Guide, TokensFollowTheProductOfTwoModels) {
  const testing::TemporaryFolder folder;
  const auto model = make_tiny(folder.path() / "model", 7);
  make_tiny(folder.path() / "other", 11);
  write_text(model / procedure_file, R"({"procedure":"guide","weight":-0.5,"models":{"guide":"../other"}})");
  const auto requests = some_requests();
  const auto engine = open(model, trainer_book().procedures);
  const auto answers = engine->answer(requests);
  const at::NoGradGuard no_gradients;
  const auto first = checkpoints().load(model, {});
  const auto second = checkpoints().load(folder.path() / "other", {});
  for (const std::size_t at : {2U, 6U, 10U}) {
    std::vector<std::int64_t> tokens = {1};
    for (const char c : std::get<Generation>(requests[at]).context) tokens.push_back(5 + c - ' ');
    for (const auto written : answers[at].generated[0].tokens) {
      const auto logp = joined_logp(*first, *second, tokens, -0.5);
      EXPECT_EQ(logp.argmax().item<std::int64_t>(), written);
      tokens.push_back(written);
    }
  }
  std::vector<std::int64_t> tokens = {1};
  for (const char c : std::string("once upon a time")) tokens.push_back(5 + c - ' ');
  double expected = 0.0;
  for (const char c : std::string(" be")) {
    expected += joined_logp(*first, *second, tokens, -0.5)[5 + c - ' '].item<double>();
    tokens.push_back(5 + c - ' ');
  }
  EXPECT_NEAR(answers[1].logp_nats, expected, 1e-4);
  // Both models run every token.
  std::filesystem::remove(model / procedure_file);
  EXPECT_EQ(answers[1].forward_tokens, 2 * open(model, no_procedures())->answer(requests)[1].forward_tokens);
}

TEST(Guide, AnswersDoNotDependOnTheBatch) {
  const testing::TemporaryFolder folder;
  const auto model = make_tiny(folder.path() / "model", 7);
  make_tiny(folder.path() / "other", 11);
  write_text(model / procedure_file, R"({"procedure":"guide","weight":0.7,"models":{"guide":"../other"}})");
  const auto requests = some_requests();
  const auto& book = trainer_book().procedures;
  const auto together = open(model, book)->answer(requests);
  expect_equal(open(model, book, 1)->answer(requests), together, 1e-5);
  expect_equal(open(model, book, 7)->answer(requests), together, 1e-5);
  expect_equal(open(model, book, 64, 2)->answer(requests), together, 1e-5);
  for (std::size_t at = 0; at < requests.size(); ++at) {
    expect_equal(open(model, book)->answer(std::span(requests).subspan(at, 1)), {together[at]}, 1e-5);
  }
}

std::vector<std::int64_t> ids_of(const std::string& text) {
  std::vector<std::int64_t> tokens = {1};
  for (const char c : text) tokens.push_back(5 + c - ' ');
  return tokens;
}

/// The logarithm of the mean of the next token's probabilities behind each prompt of a request and what was written,
/// with nothing shared or cached. [V]
Tensor mean_by_hand(Model& model, const Generation& request, std::span<const std::int32_t> written) {
  auto contexts = request.further_contexts;
  contexts.insert(contexts.begin(), request.context);
  Tensor sum;
  for (const auto& context : contexts) {
    auto tokens = ids_of(context);
    tokens.insert(tokens.end(), written.begin(), written.end());
    Inputs inputs;
    inputs.tokens = at::tensor(tokens, at::kLong);
    inputs.starts = {0, static_cast<std::int64_t>(tokens.size())};
    const auto p = at::softmax(model.forward(inputs, {}).logits[-1].to(at::kDouble), -1);
    sum = sum.defined() ? sum + p : p;
  }
  return (sum / static_cast<double>(contexts.size())).log();
}

/// Requests with several prompts: drawn and not, some equal, some that begin alike.
std::vector<Request> joint_requests() {
  std::vector<Request> requests;
  for (const auto* context : {"once upon a time", "once upon a time there", "12+30="}) {
    Generation request{.context = context, .max_new_tokens = 12};
    request.further_contexts = {"once upon a midnight", std::string("say: ") + context};
    requests.emplace_back(request);
    request.further_contexts = {"say: yes", context, "say: yes", "2+2="};
    request.samples = 3;
    request.temperature = 0.7;
    request.seed = 5;
    requests.emplace_back(request);
    request.further_contexts.clear();
    requests.emplace_back(request);
  }
  return requests;
}

/// A tiny model that answers by `ensemble`.
std::filesystem::path make_joint(const std::filesystem::path& folder) {
  make_tiny(folder, 7);
  write_text(folder / procedure_file, R"({"procedure":"ensemble"})");
  return folder;
}

TEST(Ensemble, EachTokenIsTakenByTheMeanOfItsProbabilities) {
  const testing::TemporaryFolder folder;
  const auto requests = joint_requests();
  const auto folder_of = make_joint(folder.path() / "model");
  const auto answers = open(folder_of, trainer_book().procedures)->answer(requests);
  const at::NoGradGuard no_gradients;
  const auto model = checkpoints().load(folder_of, {});
  const auto token_bytes = checkpoints().load(folder_of, {.answering = true})->cache_bytes_per_token();
  int as_plain = 0;
  for (std::size_t at = 0; at < requests.size(); ++at) {
    const auto& request = std::get<Generation>(requests[at]);
    ASSERT_THAT(answers[at].generated, SizeIs(static_cast<std::size_t>(request.samples)));
    std::int64_t run = 0;  // tokens of all answers that are run behind each prompt
    for (const auto& answer : answers[at].generated) {
      const std::span<const std::int32_t> tokens = answer.tokens;
      run += static_cast<std::int64_t>(tokens.size()) - 1;
      for (std::size_t next = 0; next < answer.logp_nats.size(); ++next) {
        const auto logp = mean_by_hand(*model, request, tokens.first(next));
        if (request.temperature > 0) {
          const auto drawn = at::log_softmax(logp / request.temperature, -1);
          EXPECT_NEAR(answer.logp_nats[next], drawn[tokens[next]].item<double>(), 1e-4) << at << " " << next;
          continue;
        }
        EXPECT_EQ(tokens[next], logp.argmax().item<std::int64_t>()) << at << " " << next;
        EXPECT_NEAR(answer.logp_nats[next], logp[tokens[next]].item<double>(), 1e-4) << at << " " << next;
        Generation plain{.context = request.context};
        if (tokens[next] == mean_by_hand(*model, plain, tokens.first(next)).argmax().item<std::int64_t>()) ++as_plain;
      }
    }
    std::set<std::string> different(request.further_contexts.begin(), request.further_contexts.end());
    different.insert(request.context);
    std::int64_t forward = 0;
    for (const auto& context : different) forward += static_cast<std::int64_t>(context.size()) + 1 + run;
    EXPECT_EQ(answers[at].forward_tokens, forward) << at;
    EXPECT_EQ(answers[at].cache_bytes, forward * token_bytes) << at;
  }
  // The first prompt alone would have written something else.
  EXPECT_LT(as_plain, 30);
  EXPECT_EQ(answers[0].prompt_tokens, static_cast<int>(std::string("say: once upon a time").size()) + 1);
}

/// Equal to the last bit, log-probabilities of written tokens included.
void expect_same_answers(const std::vector<Response>& a, const std::vector<Response>& b) {
  expect_equal(a, b, 0.0);
  for (std::size_t at = 0; at < a.size(); ++at) {
    for (std::size_t i = 0; i < a[at].generated.size(); ++i) {
      EXPECT_EQ(a[at].generated[i].logp_nats, b[at].generated[i].logp_nats) << at;
      EXPECT_EQ(a[at].generated[i].text, b[at].generated[i].text) << at;
    }
  }
}

TEST(Ensemble, EqualPromptsWriteWhatOneDoes) {
  const testing::TemporaryFolder folder;
  const auto plain = make_tiny(folder.path() / "plain", 7);
  const auto joint = make_joint(folder.path() / "joint");
  const auto requests = some_requests();
  const auto expected = open(plain, no_procedures())->answer(requests);
  const auto engine = open(joint, trainer_book().procedures);
  expect_same_answers(engine->answer(requests), expected);
  auto twice = requests;
  for (auto& request : twice) {
    if (auto* generation = std::get_if<Generation>(&request)) generation->further_contexts = {generation->context};
  }
  expect_same_answers(engine->answer(twice), expected);
}

TEST(Ensemble, AnswersDoNotDependOnTheBatch) {
  const testing::TemporaryFolder folder;
  const auto model = make_joint(folder.path() / "model");
  const auto requests = joint_requests();
  const auto& book = trainer_book().procedures;
  const auto together = open(model, book)->answer(requests);
  expect_same_answers(open(model, book, 1)->answer(requests), together);
  expect_same_answers(open(model, book, 7)->answer(requests), together);
  expect_same_answers(open(model, book, 64, 2)->answer(requests), together);
  for (std::size_t at = 0; at < requests.size(); ++at) {
    expect_same_answers(open(model, book)->answer(std::span(requests).subspan(at, 1)), {together[at]});
  }
}

TEST(Ensemble, StopTextsAndLimitsHold) {
  const testing::TemporaryFolder folder;
  const auto engine = open(make_joint(folder.path() / "model"), trainer_book().procedures);
  Generation request{.context = "once upon a time", .max_new_tokens = 12};
  request.further_contexts = {"say: yes"};
  const auto whole = engine->answer(std::vector<Request>{request})[0].generated[0];
  ASSERT_GT(whole.text.size(), 6U);
  request.until = {whole.text.substr(4, 2)};
  const auto cut = engine->answer(std::vector<Request>{request})[0].generated[0];
  EXPECT_EQ(cut.text, whole.text.substr(0, whole.text.find(request.until[0])));
  EXPECT_TRUE(cut.finished);
  EXPECT_LT(cut.tokens.size(), whole.tokens.size());
  request.until.clear();
  request.max_new_tokens = 3;
  const auto brief = engine->answer(std::vector<Request>{request})[0].generated[0];
  EXPECT_THAT(brief.tokens, ElementsAre(whole.tokens[0], whole.tokens[1], whole.tokens[2]));
  EXPECT_FALSE(brief.finished);
  // The longest prompt decides how much room there is.
  request.max_new_tokens = 12;
  request.further_contexts = {std::string(300, 'x')};
  const auto response = engine->answer(std::vector<Request>{request})[0];
  EXPECT_EQ(response.prompt_tokens, 301);
  EXPECT_EQ(response.prompt_tokens - response.truncated_tokens + 12, engine->info().max_length);
}

TEST(Ensemble, TheSeveralPromptsOfAMeasureAreWrittenBehindTogether) {
  const testing::TemporaryFolder folder;
  const auto model = make_joint(folder.path() / "model");
  const auto engine = open(model, trainer_book().procedures);
  const auto sample = measured(*engine, written_task()).samples.at(0);
  ScriptedEngine asking(writes({"7"}), procedure_of(R"({"procedure":"ensemble"})"));
  measured(asking, written_task());
  const auto expected = engine->answer(asking.asked).at(0);
  EXPECT_THAT(std::get<Generation>(asking.asked.at(0)).further_contexts, SizeIs(3));
  EXPECT_THAT(sample.responses, ElementsAre(expected.generated.at(0).text));
  EXPECT_EQ(sample.forward_tokens, expected.forward_tokens);
  EXPECT_GT(sample.forward_tokens, 4 * static_cast<std::int64_t>(expected.generated[0].tokens.size()));
  // A model without such a procedure does not pass over them.
  std::filesystem::remove(model / procedure_file);
  EXPECT_THAT(fault_of([&] { open(model, no_procedures())->answer(asking.asked); }),
              HasSubstr("a request with further contexts"));
}

/// Whether token t sees the key of token s in a key head.
using Seen = std::function<bool(std::int64_t head, std::int64_t t, std::int64_t s)>;

/// The tiny Llama by hand, one sequence, with a mask. [T, V] logits.
Tensor by_hand(const std::vector<std::int64_t>& tokens, int layers, const Seen& seen) {
  const auto weights = testing::tiny_weights(7);
  const auto of = [&](int layer, const std::string& name) {
    return weights.at("model.layers." + std::to_string(layer) + "." + name + ".weight");
  };
  const auto norm = [](const Tensor& x) { return x * at::rsqrt(x.square().mean(-1, true) + 1e-5); };
  const auto count = static_cast<std::int64_t>(tokens.size());
  auto mask = at::zeros({4, count, count});
  auto places = mask.accessor<float, 3>();
  for (std::int64_t head = 0; head < 4; ++head) {
    for (std::int64_t t = 0; t < count; ++t) {
      for (std::int64_t s = 0; s < count; ++s) {
        if (s > t || !seen(head / 2, t, s)) places[head][t][s] = -std::numeric_limits<float>::infinity();
      }
    }
  }
  const auto angles =
      at::arange(count, at::kFloat).unsqueeze(1) * at::pow(10000.0, at::arange(4, at::kFloat) / -4.0).unsqueeze(0);
  const auto turned = [&](const Tensor& x) {  // [T, H, 8]
    const auto a = x.narrow(2, 0, 4);
    const auto b = x.narrow(2, 4, 4);
    const auto cos = angles.cos().unsqueeze(1);
    const auto sin = angles.sin().unsqueeze(1);
    return at::cat({a * cos - b * sin, b * cos + a * sin}, 2);
  };
  auto x = weights.at("model.embed_tokens.weight").index_select(0, at::tensor(tokens, at::kLong));
  for (int layer = 0; layer < layers; ++layer) {
    const auto read = norm(x);
    const auto q = turned(at::linear(read, of(layer, "self_attn.q_proj")).view({count, 4, 8})).transpose(0, 1);
    const auto heads = [&](const Tensor& y) { return y.repeat_interleave(2, 1).transpose(0, 1); };
    const auto k = heads(turned(at::linear(read, of(layer, "self_attn.k_proj")).view({count, 2, 8})));
    const auto v = heads(at::linear(read, of(layer, "self_attn.v_proj")).view({count, 2, 8}));
    const auto weight = at::softmax(at::matmul(q, k.transpose(1, 2)) / std::sqrt(8.0) + mask, -1);
    x = x + at::linear(at::matmul(weight, v).transpose(0, 1).reshape({count, 32}), of(layer, "self_attn.o_proj"));
    const auto own = norm(x);
    const auto gate = at::silu(at::linear(own, of(layer, "mlp.gate_proj"))) * at::linear(own, of(layer, "mlp.up_proj"));
    x = x + at::linear(gate, of(layer, "mlp.down_proj"));
  }
  return at::linear(norm(x), weights.at("lm_head.weight"));
}

/// Scores and greedy answers of an engine are those of the tiny Llama by hand.
void expect_by_hand(const std::vector<Request>& requests, const std::vector<Response>& answers, int layers,
                    const Seen& seen) {
  const at::NoGradGuard no_gradients;
  for (std::size_t at = 0; at < requests.size(); ++at) {
    if (const auto* pair = std::get_if<Likelihood>(&requests[at])) {
      const auto tokens = ids_of(pair->context + pair->continuation);
      const auto logp = at::log_softmax(by_hand(tokens, layers, seen), -1);
      double expected = 0.0;
      for (auto next = tokens.size() - pair->continuation.size(); next < tokens.size(); ++next) {
        expected += logp[static_cast<std::int64_t>(next) - 1][tokens[next]].item<double>();
      }
      EXPECT_NEAR(answers[at].logp_nats, expected, 1e-4) << at;
      continue;
    }
    const auto& asked = std::get<Generation>(requests[at]);
    if (asked.samples > 1) continue;
    auto tokens = ids_of(asked.context);
    for (std::size_t next = 0; next < answers[at].generated[0].tokens.size(); ++next) {
      const auto logits = by_hand(tokens, layers, seen)[-1];
      EXPECT_EQ(logits.argmax().item<std::int64_t>(), answers[at].generated[0].tokens[next]) << at << " " << next;
      tokens.push_back(answers[at].generated[0].tokens[next]);
    }
  }
}

const Seen everything = [](std::int64_t, std::int64_t, std::int64_t) { return true; };

TEST(Exit, AnswersAreThoseOfAModelWithoutTheLayersAbove) {
  const testing::TemporaryFolder folder;
  const auto model = make_tiny(folder.path() / "model");
  const auto requests = some_requests();
  const auto& book = trainer_book().procedures;
  const auto whole = open(model, book)->answer(requests);
  write_text(model / procedure_file, R"({"procedure":"exit","layer":2})");
  expect_equal(open(model, book)->answer(requests), whole, 0.0);
  write_text(model / procedure_file, R"({"procedure":"exit","layer":1})");
  const auto engine = open(model, book);
  EXPECT_TRUE(engine->info().kernels.starts_with("packed-")) << engine->info().kernels;
  const auto found = engine->answer(requests);
  expect_by_hand(requests, found, 1, everything);
  // A checkpoint of the first layer alone, to the last bit.
  auto cut = checkpoints().load(model, {});
  cut->drop_layers(1, 1);
  checkpoints().write(folder.path() / "cut", *cut, model, at::kFloat);
  std::filesystem::remove(folder.path() / "cut" / procedure_file);
  const auto wanted = open(folder.path() / "cut", book)->answer(requests);
  for (std::size_t at = 0; at < requests.size(); ++at) {
    EXPECT_EQ(found[at].logp_nats, wanted[at].logp_nats) << at;
    ASSERT_EQ(found[at].generated.size(), wanted[at].generated.size());
    for (std::size_t i = 0; i < found[at].generated.size(); ++i) {
      EXPECT_EQ(found[at].generated[i].tokens, wanted[at].generated[i].tokens);
      EXPECT_EQ(found[at].generated[i].logp_nats, wanted[at].generated[i].logp_nats);
    }
    EXPECT_EQ(found[at].cache_bytes, wanted[at].cache_bytes);
    // Half of the layers of as many tokens, rounded up.
    EXPECT_EQ(found[at].forward_tokens, (wanted[at].forward_tokens + 1) / 2);
  }
  EXPECT_EQ(2 * found[0].cache_bytes, whole[0].cache_bytes);
  write_text(model / procedure_file, R"({"procedure":"exit","layer":3})");
  EXPECT_THAT(fault_of([&] { open(model, book); }),
              HasSubstr("found answers from layer 3, expected at most the model's last, 2"));
  EXPECT_THAT(fault_of([&] { procedure_of(R"({"procedure":"exit"})"); }), HasSubstr("layer"));
}

TEST(Exit, AnswersDoNotDependOnTheBatch) {
  const testing::TemporaryFolder folder;
  const auto model = make_tiny(folder.path() / "model");
  write_text(model / procedure_file, R"({"procedure":"exit","layer":1})");
  const auto requests = some_requests();
  const auto& book = trainer_book().procedures;
  const auto together = open(model, book)->answer(requests);
  expect_equal(open(model, book, 1)->answer(requests), together, 0.0);
  expect_equal(open(model, book, 64, 2)->answer(requests), together, 0.0);
}

TEST(Evict, AWindowOfEverythingIsPlainToTheLastBit) {
  const testing::TemporaryFolder folder;
  const auto model = make_tiny(folder.path() / "model");
  const auto requests = some_requests();
  const auto& book = trainer_book().procedures;
  const auto plain = open(model, book)->answer(requests);
  write_text(model / procedure_file, R"({"procedure":"evict","sinks":0,"window":128})");
  expect_equal(open(model, book)->answer(requests), plain, 0.0);
  EXPECT_THAT(fault_of([&] { procedure_of(R"({"procedure":"evict"})"); }), HasSubstr("window"));
}

TEST(Evict, SinksAndAWindowEqualAMask) {
  const testing::TemporaryFolder folder;
  const auto model = make_tiny(folder.path() / "model");
  const auto requests = some_requests();
  const auto& book = trainer_book().procedures;
  const auto plain = open(model, book)->answer(requests);
  write_text(model / procedure_file, R"({"procedure":"evict","sinks":2,"window":5})");
  const auto engine = open(model, book);
  EXPECT_TRUE(engine->info().kernels.starts_with("packed-")) << engine->info().kernels;
  const auto found = engine->answer(requests);
  expect_by_hand(requests, found, 2, [](std::int64_t, std::int64_t t, std::int64_t s) { return s < 2 || s >= t - 5; });
  EXPECT_GT(std::abs(found[0].logp_nats - plain[0].logp_nats), 1e-3);
  // Seven entries are kept of each of the sequences that are longer; the same tokens are run.
  const auto bytes = checkpoints().load(model, {.answering = true})->cache_bytes_per_token();
  EXPECT_EQ(found[0].cache_bytes, 7 * bytes);
  EXPECT_EQ(found[2].cache_bytes, 7 * bytes);
  EXPECT_EQ(found[3].cache_bytes, 7 * bytes);  // three samples of one prompt
  for (std::size_t at = 0; at < requests.size(); ++at) {
    if (std::holds_alternative<Generation>(requests[at])) continue;
    EXPECT_EQ(found[at].forward_tokens, plain[at].forward_tokens);
  }
  expect_equal(open(model, book, 1)->answer(requests), found, 0.0);
  expect_equal(open(model, book, 7)->answer(requests), found, 0.0);
  expect_equal(open(model, book, 64, 2)->answer(requests), found, 0.0);
  for (std::size_t at = 0; at < requests.size(); ++at) {
    expect_equal(open(model, book)->answer(std::span(requests).subspan(at, 1)), {found[at]}, 0.0);
  }
}

/// Key head h keeps its first h + 1 entries and, of six, the last ones.
class ByHead : public CachePolicy {
 public:
  explicit ByHead(bool attention) : attention_(attention) {}
  Reads reads() const override { return {.keys = attention_, .attention = attention_}; }
  std::int64_t next(std::int64_t length) const override { return std::max<std::int64_t>(length, 6) + 1; }
  std::int64_t entries(std::int64_t length) const override { return std::min<std::int64_t>(length, 6); }
  Tensor kept(const CachedLayer& layer, std::int64_t length) override {
    const auto count = layer.positions.size(1);
    EXPECT_EQ(layer.positions[1][count - 1].item<std::int64_t>(), length - 1);
    if (attention_) {
      EXPECT_EQ(layer.keys.sizes(), at::IntArrayRef({count, 2, 8}));
      EXPECT_EQ(layer.attention.sizes(), at::IntArrayRef({4, count}));
      const auto sums = layer.attention.sum(1);
      EXPECT_LT((sums - 1.0).abs().max().item<double>(), 1e-5);
    }
    std::vector<Tensor> rows;
    for (std::int64_t head = 0; head < 2; ++head) {
      rows.push_back(at::cat({at::arange(head + 1, at::kLong), at::arange(count - 5 + head, count, at::kLong)}));
    }
    return at::stack(rows);
  }

 private:
  bool attention_;
};

/// What a token sees by that rule, by key head.
bool by_head_sees(std::int64_t head, std::int64_t t, std::int64_t s) { return s <= head || s >= t - 5 + head; }

ProcedureBook by_head() {
  ProcedureBook book{"procedure"};
  book.add("by_head", {.summary = "an example", .make = [](Options& options) {
                         const auto attention = options.flag("attention", "reads it", false);
                         Procedure procedure;
                         procedure.cache = [attention] { return std::make_unique<ByHead>(attention); };
                         return procedure;
                       }});
  return book;
}

TEST(Evict, HeadsMayKeepOtherEntries) {
  const testing::TemporaryFolder folder;
  const auto model = make_tiny(folder.path() / "model");
  const auto requests = some_requests();
  const auto book = by_head();
  write_text(model / procedure_file, R"({"procedure":"by_head"})");
  const auto packed = open(model, book);
  EXPECT_TRUE(packed->info().kernels.starts_with("packed-"));
  const auto found = packed->answer(requests);
  expect_by_hand(requests, found, 2, by_head_sees);
  write_text(model / procedure_file, R"({"procedure":"by_head","attention":true})");
  const auto watched = open(model, book);
  EXPECT_EQ(watched->info().kernels, "operators (kernels lack keys and attention of the cache)");
  const auto operators = watched->answer(requests);
  expect_by_hand(requests, operators, 2, by_head_sees);
}

TEST(Guide, NeedsTheSameVocabulary) {
  const testing::TemporaryFolder folder;
  const auto model = make_tiny(folder.path() / "model");
  const auto other = make_tiny(folder.path() / "other");
  auto config = parse_json(read_text_file(other / "tokenizer_config.json"), "");
  config["eos_token"] = "<|im_end|>";
  write_text(other / "tokenizer_config.json", config.dump());
  write_text(model / procedure_file, R"({"procedure":"guide","models":{"guide":"../other"}})");
  EXPECT_THAT(fault_of([&] { open(model, trainer_book().procedures); }),
              HasSubstr("a different tokenizer or vocabulary"));
}

std::filesystem::path recipe(const std::filesystem::path& folder, const std::string& stages) {
  const auto file = folder / "recipe.json";
  write_text(file, R"({"method": "answers", "paper": "none", "stages": [)" + stages + "]}");
  return file;
}

TEST(ProcedureStage, LeavesAProcedureThatFollowsTheModel) {
  const testing::TemporaryFolder folder;
  auto job = testing::tiny_job(folder.path());
  job.recipe = recipe(folder.path(), R"({"use": "procedure", "answer": {"use": "vote", "k": 3}})");
  const auto result = testing::run_job(job).result;
  EXPECT_EQ(parse_json(read_text_file(job.out / procedure_file), ""), parse_json(R"({"k":3,"procedure":"vote"})", ""));
  EXPECT_EQ(result.model_hash, checkpoints().model_hash(job.out));
  EXPECT_NE(result.model_hash, checkpoints().model_hash(job.model));
  EXPECT_NE(open(job.out, trainer_book().procedures)->procedure(), nullptr);
  // What is trained from it answers so, too, until a stage says otherwise.
  auto next = testing::tiny_job(folder.path());
  next.model = job.out;
  next.out = folder.path() / "next";
  next.recipe = recipe(folder.path(), R"({"use": "load", "task": "$train_on", "as": "data"})");
  testing::run_job(next);
  EXPECT_EQ(read_text_file(next.out / procedure_file), read_text_file(job.out / procedure_file));
  next.out = folder.path() / "last";
  next.recipe = recipe(folder.path(), R"({"use": "procedure", "answer": "plain"})");
  EXPECT_EQ(testing::run_job(next).result.model_hash, checkpoints().model_hash(job.model));
  EXPECT_FALSE(std::filesystem::exists(next.out / procedure_file));
}

TEST(ProcedureStage, FrozenModelsAreWrittenBesideTheWeights) {
  const testing::TemporaryFolder folder;
  auto job = testing::tiny_job(folder.path());
  job.recipe = recipe(folder.path(), R"({"use": "freeze_copy", "as": "before"},
    {"use": "procedure", "answer": {"use": "guide", "weight": 0.5}, "models": {"guide": "before"}})");
  testing::run_job(job);
  EXPECT_TRUE(std::filesystem::exists(job.out / "models/guide/model.safetensors"));
  EXPECT_THAT(open(job.out, trainer_book().procedures)->answer(some_requests()), SizeIs(some_requests().size()));
  // Carried on, the second model is found from the new place.
  auto next = testing::tiny_job(folder.path());
  next.model = job.out;
  next.out = folder.path() / "deeper/next";
  next.recipe = recipe(folder.path(), R"({"use": "load", "task": "$train_on", "as": "data"})");
  EXPECT_EQ(testing::run_job(next).result.model_hash, checkpoints().model_hash(job.out));
}

TEST(ProcedureStage, IsCheckedBeforeAnythingRuns) {
  const testing::TemporaryFolder folder;
  auto job = testing::tiny_job(folder.path());
  const auto fault = [&](const std::string& stage) {
    job.recipe = recipe(folder.path(), stage);
    return fault_of([&] { check_train_job(job, checkpoints(), trainer_book()); });
  };
  EXPECT_THAT(fault(R"({"use": "procedure", "answer": "vot"})"), HasSubstr("did you mean 'vote'?"));
  EXPECT_THAT(fault(R"({"use": "procedure", "answer": {"use": "vote", "k": 0}})"), HasSubstr("found 0"));
  EXPECT_THAT(fault(R"({"use": "procedure", "answer": "guide"})"), HasSubstr("needs a second model"));
  EXPECT_THAT(fault(R"({"use": "procedure", "answer": "guide", "models": {"guide": "before"}})"),
              HasSubstr("needs frozen model 'before'"));
  EXPECT_THAT(fault(R"({"use": "procedure", "answer": "plain", "models": {"guide": "before"}})"),
              HasSubstr("plain answering asks no other model"));
}

}  // namespace
}  // namespace touchstone
