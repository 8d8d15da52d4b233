// Metrics beside a benchmark's own: what they ask, what they give an item, what they refuse.
#include "harness/measure/metric.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/measure/pass_at.hpp"

namespace touchstone {
namespace {

using ::testing::HasSubstr;

/// Items 0..7; the right answer to item i is i mod 4.
Task digits() {
  Task task;
  task.name = "digits";
  task.version = "1";
  task.format.shots_fixed = true;
  task.metrics = {{.name = "exact_match,none", .chance = 0.1, .aggregate = {}}};
  task.load = [](Split, const DataFolders&) {
    std::vector<Example> all;
    for (int i = 0; i < 8; ++i) {
      Example example;
      example.id = "digits/" + std::to_string(i);
      example.question = "?" + std::to_string(i);
      example.targets = {std::to_string(i % 4)};
      example.facts = {{"level", i < 3 ? "2" : "10"}, {"name", std::to_string(i)}};
      if (i % 2 == 0) example.facts["half"] = "even";
      all.push_back(std::move(example));
    }
    return all;
  };
  task.ask = [](const Example&, const std::string& context, const AskSettings&) -> std::vector<Request> {
    return {Generation{.context = context, .max_new_tokens = 3, .until = {"\n"}}};
  };
  task.judge = [](const Example& example, std::span<const Response> responses, const AskSettings&) {
    Verdict verdict;
    verdict.extracted = responses.front().generated.at(0).text;
    verdict.parsed = verdict.extracted != "x";
    verdict.correct = verdict.extracted == example.targets.front();
    verdict.score = verdict.correct ? 1.0 : 0.0;
    verdict.values["exact_match,none"] = verdict.score;
    return verdict;
  };
  return task;
}

/// A text that is scored.
Task prose() {
  Task task;
  task.name = "prose";
  task.version = "1";
  task.format.shots_fixed = true;
  task.metrics = {{.name = "bits,none", .aggregate = [](std::span<const Verdict>) { return MetricSpec::Value{}; }}};
  task.load = [](Split, const DataFolders&) {
    Example example;
    example.id = "prose/0";
    example.targets = {"text"};
    return std::vector<Example>{example};
  };
  task.ask = [](const Example& example, const std::string&, const AskSettings&) -> std::vector<Request> {
    return {Rolling{example.targets.front()}};
  };
  task.judge = [](const Example&, std::span<const Response>, const AskSettings&) { return Verdict(); };
  return task;
}

/// Greedy answers are the item's number; sample s of a draw is s, and the fifth cannot be read. Readings tell which
/// text was read.
class DrawnEngine : public Engine {
 public:
  explicit DrawnEngine(const std::string& hash = "tuned") { info_.model_hash = hash; }
  std::vector<Response> answer(std::span<const Request> requests, const std::function<void(std::size_t)>&,
                               const CancelFlag*) override {
    std::vector<Response> all;
    for (const auto& request : requests) {
      auto& response = all.emplace_back();
      const auto* generation = std::get_if<Generation>(&request);
      if (generation == nullptr) continue;
      asked.push_back(*generation);
      const bool greedy = generation->temperature == 0.0;
      for (int sample = 0; sample < generation->samples; ++sample) {
        const auto text = greedy ? generation->context.substr(1, 1) : sample == 4 ? "x" : std::to_string(sample);
        const int number = greedy ? std::stoi(text) : sample;
        response.generated.push_back({.text = text,
                                      .logp_nats = std::vector<double>(static_cast<std::size_t>(number % 3 + 1), -1.0),
                                      .finished = number % 3 != 2,
                                      .tokens = {7, info_.model_hash == "base" ? 1 : 2}});
      }
    }
    return all;
  }
  std::vector<std::vector<TokenReading>> read(std::span<const TokenText> texts, Engine* reference,
                                              const CancelFlag*) override {
    std::vector<std::vector<TokenReading>> all;
    for (const auto& text : texts) {
      read_texts.push_back(text);
      auto& own = all.emplace_back();
      double from = 0.0;  // 1: written by the base, 2: by the model, 3: a right answer, 4: a whole text
      if (const auto* written = std::get_if<Written>(&text)) from = written->tokens.back();
      if (std::holds_alternative<Likelihood>(text)) from = 3.0;
      if (std::holds_alternative<Rolling>(text)) from = 4.0;
      for (int token = 0; token < 2; ++token) {
        own.push_back({.logp = -std::log(2.0),
                       .entropy = from + 0.5 * token,
                       .reference_logp = reference == nullptr ? 0.0 : -1.0,
                       .kl_forward = from,
                       .kl_reverse = 10.0 * from});
      }
    }
    return all;
  }
  const EngineInfo& info() const override { return info_; }
  EngineCounts counts() const override { return {}; }
  const ChatTemplate* chat_template() const override { return nullptr; }
  std::vector<Generation> asked;
  std::vector<TokenText> read_texts;

 private:
  EngineInfo info_;
};

class Metrics : public ::testing::Test {
 protected:
  Metrics() {
    book_.tasks.add("digits", digits());
    book_.tasks.add("prose", prose());
  }
  TaskMeasure run(const std::string& metrics, const std::string& task = "digits", Engine* reference = nullptr) {
    MeasureSettings settings;
    settings.tasks = {task};
    settings.metrics = parse_metrics(metrics);
    return measure(settings, book_, DataFolders(), engine_, {}, nullptr, reference).tasks.at(0);
  }
  std::string refusal(const std::string& metrics, const std::string& task = "digits") {
    try {
      run(metrics, task);
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::config);
      return error.what();
    }
    return "no error";
  }
  static const Score& score(const TaskMeasure& measure, const std::string& metric) {
    for (const auto& one : measure.scores) {
      if (one.metric == metric) return one;
    }
    throw Error(Fault::internal, "no score " + metric);
  }

  TaskBook book_;
  DrawnEngine engine_;
};

// The estimator against the definition: the share of all subsets of k samples that hold a right one.
TEST(PassAt, IsTheShareOfSubsetsWithARightAnswer) {
  for (int samples = 1; samples <= 8; ++samples) {
    for (int right = 0; right <= samples; ++right) {
      std::vector<double> hits(static_cast<std::size_t>(samples + 1), 0.0);
      std::vector<double> all(static_cast<std::size_t>(samples + 1), 0.0);
      for (unsigned subset = 0; subset < (1U << static_cast<unsigned>(samples)); ++subset) {
        const auto size = static_cast<std::size_t>(__builtin_popcount(subset));
        all[size] += 1.0;
        if ((subset & ((1U << static_cast<unsigned>(right)) - 1U)) != 0) hits[size] += 1.0;
      }
      for (int k = 1; k <= samples; ++k) {
        const auto at = static_cast<std::size_t>(k);
        EXPECT_NEAR(pass_at(samples, right, k), hits[at] / all[at], 1e-12) << samples << " " << right << " " << k;
      }
    }
  }
}

TEST_F(Metrics, DrawsOnceForAllThatDrawAlike) {
  const auto found = run(
      R"([{"use": "pass_at", "samples": 6, "k": [1, 3], "temperature": 0.7}, {"use": "avg_at", "samples": 6, "temperature": 0.7},
          {"use": "distinct", "samples": 6, "temperature": 0.7}])");
  // Samples 0, 1, 2, 3, x, 5: each right answer 0 to 3 comes once.
  EXPECT_NEAR(score(found, "pass@1").value, 1.0 / 6.0, 1e-12);
  EXPECT_NEAR(score(found, "pass@3").value, 0.5, 1e-12);
  EXPECT_NEAR(score(found, "avg@6").value, 1.0 / 6.0, 1e-12);
  EXPECT_EQ(score(found, "avg@6").chance, 0.1);
  EXPECT_EQ(score(found, "distinct@6").value, 5.0);  // what cannot be read is no answer
  EXPECT_EQ(score(found, "distinct@6").unit.name, "answers");
  EXPECT_EQ(score(found, "pass@3").further, "pass_at");
  EXPECT_EQ(score(found, "exact_match,none").further, "");
  EXPECT_EQ(found.scores.front().metric, "exact_match,none");
  ASSERT_EQ(engine_.asked.size(), 16U);  // 8 items greedily, 8 items drawn
  EXPECT_EQ(engine_.asked[8].samples, 6);
  EXPECT_EQ(engine_.asked[8].temperature, 0.7);
  EXPECT_EQ(engine_.asked[8].until, engine_.asked[0].until);
  EXPECT_NE(engine_.asked[8].seed, engine_.asked[9].seed);
  ASSERT_EQ(found.samples[2].drawn.size(), 6U);
  const auto& drawn = found.samples[2].drawn;
  EXPECT_TRUE(drawn[2].correct);
  EXPECT_FALSE(drawn[4].parsed);
  EXPECT_EQ(drawn[5].text, "5");
  EXPECT_EQ(drawn[5].tokens, 3);
  EXPECT_FALSE(drawn[5].finished);
  EXPECT_THAT(drawn[0].drawing, HasSubstr("\"temperature\":0.7"));
}

TEST_F(Metrics, LengthAndCuts) {
  const auto found = run("answer_tokens,cut");
  // Greedy answers 0..7 have number mod 3 + 1 tokens; 2 and 5 are cut.
  EXPECT_NEAR(score(found, "answer_tokens").value, (1 + 2 + 3 + 1 + 2 + 3 + 1 + 2) / 8.0, 1e-12);
  EXPECT_EQ(score(found, "cut").value, 0.25);
  EXPECT_FALSE(score(found, "cut").higher_is_better);
}

TEST_F(Metrics, EachReadsItsText) {
  DrawnEngine base("base");
  const auto found = run("kl_forward,kl_reverse,token_entropy,deviation,target_probability", "digits", &base);
  EXPECT_EQ(score(found, "kl_forward").value, 1.0);   // on the base's answers
  EXPECT_EQ(score(found, "kl_reverse").value, 20.0);  // on the model's own
  EXPECT_EQ(score(found, "token_entropy").value, 2.25);
  EXPECT_NEAR(score(found, "deviation").value, 1.0 - std::log(2.0), 1e-12);
  EXPECT_NEAR(score(found, "target_probability").value, 0.5, 1e-12);
  EXPECT_EQ(score(found, "kl_forward").unit.name, "nats/token");
  EXPECT_EQ(engine_.read_texts.size(), 24U);  // 8 items, three texts each, whatever the number of metrics
  const auto& drawn = base.asked.at(0);
  EXPECT_EQ(drawn.temperature, 1.0);
  EXPECT_EQ(drawn.top_p, 1.0);
  EXPECT_EQ(drawn.samples, 1);
  EXPECT_EQ(drawn.seed, engine_.asked.at(8).seed);  // one seed for both models
  bool gold = false;
  for (const auto& text : engine_.read_texts) {
    const auto* pair = std::get_if<Likelihood>(&text);
    gold = gold || (pair != nullptr && pair->context == "?5" && pair->continuation == " 1");
  }
  EXPECT_TRUE(gold);
}

TEST_F(Metrics, AGivenTextIsReadForAll) {
  DrawnEngine base("base");
  const auto found = run("kl_forward,kl_reverse", "prose", &base);
  EXPECT_EQ(score(found, "kl_forward").value, 4.0);
  EXPECT_EQ(score(found, "kl_reverse").value, 40.0);
  EXPECT_EQ(engine_.read_texts.size(), 1U);
  EXPECT_TRUE(base.asked.empty());
}

TEST_F(Metrics, FirstItemsOnly) {
  const auto found = run(R"([{"use": "token_entropy", "items": 3}, {"use": "pass_at", "samples": 2, "items": 2}])");
  EXPECT_EQ(found.samples[2].verdict.values.count("token_entropy"), 1U);
  EXPECT_EQ(found.samples[3].verdict.values.count("token_entropy"), 0U);
  EXPECT_EQ(found.samples[1].drawn.size(), 2U);
  EXPECT_TRUE(found.samples[2].drawn.empty());
}

TEST_F(Metrics, ByTheValuesOfAFact) {
  const auto found = run(R"([{"use": "by", "fact": "level"}, {"use": "by", "fact": "half"}])");
  EXPECT_EQ(score(found, "score[level=2]").value, 1.0);
  EXPECT_EQ(score(found, "score[level=10]").value, 0.2);  // of 3 to 7 only 3
  EXPECT_EQ(found.scores[1].metric, "score[level=2]");    // numbers in their order
  EXPECT_EQ(score(found, "score[half=even]").value, 0.5);
  EXPECT_EQ(found.samples[0].verdict.values.count("score[level=10]"), 0U);
  EXPECT_EQ(score(found, "score[level=2]").chance, 0.1);
}

TEST_F(Metrics, RefusesWhatATaskCannotHave) {
  EXPECT_THAT(refusal("pass_at", "prose"), HasSubstr("metric 'pass_at' on 'prose': it scores given texts"));
  EXPECT_THAT(refusal("cut", "prose"), HasSubstr("expected a task that asks for written answers"));
  EXPECT_THAT(refusal(R"({"use": "by", "fact": "levle"})"), HasSubstr("did you mean 'level'"));
  EXPECT_THAT(refusal(R"({"use": "by", "fact": "level"})", "prose"), HasSubstr("one value of all items"));
  EXPECT_THAT(refusal("kl_forward"), HasSubstr("reference model"));
  EXPECT_TRUE(engine_.asked.empty());  // nothing was answered before it was refused
}

TEST(MetricSettings, RefuseWhatIsMisspelt) {
  const auto refusal = [](const std::string& text) {
    try {
      parse_metrics(text);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(refusal("kl_foward"), HasSubstr("did you mean 'kl_forward'"));
  EXPECT_THAT(refusal(R"({"use": "pass_at", "sample": 4})"), HasSubstr("did you mean 'samples'"));
  EXPECT_THAT(refusal(R"({"use": "pass_at", "samples": 4, "k": [5]})"), HasSubstr("found 5, expected whole numbers"));
  EXPECT_THAT(refusal(R"({"use": "pass_at", "temperature": 0})"), HasSubstr("temperature"));
  EXPECT_THAT(refusal("cut,cut"), HasSubstr("stands twice"));
  EXPECT_THAT(refusal(R"({"use": "by"})"), HasSubstr("'fact' is missing"));
  EXPECT_THAT(refusal(R"([{"use": "cut"})"), HasSubstr("--metrics"));
}

TEST(MetricSettings, ArePartOfTheKeyAndOldKeysStay) {
  MeasureSettings settings;
  const auto plain = settings_json(settings);
  EXPECT_EQ(plain, R"({"chat":false,"filter":"","limit":0.0,"mode":"compat","multiturn":true,"seed":1234,"shots":-1,)"
                   R"("subjects":[],"system_instruction":""})");
  settings.metrics = parse_metrics("pass_at");
  const auto eight = settings_json(settings);
  EXPECT_THAT(eight, HasSubstr(R"("samples":8)"));  // also where a default was meant
  EXPECT_THAT(eight, HasSubstr(R"("temperature":1.0)"));
  settings.metrics = parse_metrics(R"({"use": "pass_at", "samples": 8, "temperature": 1.0})");
  EXPECT_EQ(settings_json(settings), eight);
  settings.metrics = parse_metrics(R"({"use": "pass_at", "samples": 9})");
  EXPECT_NE(settings_json(settings), eight);
  settings.reference = "base";
  EXPECT_THAT(settings_json(settings), HasSubstr(R"("reference":"base")"));
}

TEST(MetricBookTest, EveryEntrySaysWhatItIs) {
  for (const auto& name : metric_book().names()) {
    const auto& entry = metric_book().get(name);
    EXPECT_FALSE(entry.summary.empty()) << name;
    EXPECT_FALSE(entry.source.empty()) << name;
    EXPECT_FALSE(entry.unit.empty()) << name;
    EXPECT_FALSE(entry.better.empty()) << name;
  }
  EXPECT_EQ(metric_book().names().size(), 11U);
}

}  // namespace
}  // namespace touchstone
