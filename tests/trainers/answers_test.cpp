// What becomes of answers that a model writes: where they stop, what is kept of them, what they are worth.
#include <gmock/gmock.h>

#include "backends/tokenizers/tokenizers.hpp"
#include "harness/base/files.hpp"
#include "harness/base/gzip.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/engine/stop_text.hpp"
#include "tests/trainers/tiny.hpp"
#include "tests/trainers/toy_tokenizer.hpp"
#include "trainers/loops/answering.hpp"
#include "trainers/loops/forks.hpp"
#include "trainers/loops/reward_set.hpp"
#include "trainers/loops/rollouts.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::ToyTokenizer;

/// Sums whose benchmark asks for an answer up to the next sign of a handful, which a random model soon writes and goes
/// on behind.
TaskBook stopping_tasks(const std::vector<std::string>& stops) {
  TaskBook book;
  auto task = testing::tiny_task("sums", 24, 0);
  task.ask = [stops](const Example&, const std::string& context, const AskSettings&) {
    Generation asked;
    asked.context = context;
    asked.until = stops;
    return std::vector<Request>{asked};
  };
  task.judge = [](const Example&, std::span<const Response> responses, const AskSettings&) {
    Verdict verdict;
    verdict.score = responses.front().generated.front().finished ? 1.0 : 0.25;
    return verdict;
  };
  book.tasks.add("sums", std::move(task));
  return book;
}

const std::vector<std::string> ten_stops = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

class Answers : public ::testing::Test {
 protected:
  /// The lines of the records that a stage made.
  std::vector<Json> made(const std::string& stages, const std::string& file, const TaskBook& tasks) {
    auto job = testing::tiny_job(folder_.path());
    job.tasks = &tasks;
    job.recipe = testing::write_recipe(folder_.path(), stages);
    ran_ = testing::run_job(job);
    const auto text = read_text_file(folder_.path() / "out.records" / file);
    std::vector<Json> lines;
    for (const auto& line : split(text, '\n')) {
      if (!line.empty()) lines.push_back(parse_json(line, "line"));
    }
    return {lines.begin() + 1, lines.end() - 1};
  }
  testing::TemporaryFolder folder_;
  testing::Ran ran_;
};

std::string stages(const std::string& options) {
  return R"([{"use": "load", "task": "sums"}, {"use": "sample", "answers": 4, "max_new_tokens": 8)" + options +
         R"(}, {"use": "train", "objective": "sft", "max_steps": 1}])";
}

bool holds_digit(const std::string& text) { return text.find_first_of("0123456789") != std::string::npos; }

TEST_F(Answers, StopWhereTheTaskStops) {
  const auto tasks = stopping_tasks(ten_stops);
  int stopped = 0;
  int cut = 0;
  for (const auto& line : made(stages(""), "1-sample.jsonl.gz", tasks)) {
    for (std::size_t at = 1; at < line["answers"].size(); ++at) {
      const auto& answer = line["answers"][at];
      EXPECT_FALSE(holds_digit(answer["text"].get<std::string>())) << answer;
      // A token a character, but for the special ones, which spell nothing: the drawn ones spell the text, without
      // the stop.
      std::size_t spelling = 0;
      for (const auto& id : answer["drawn"]) spelling += id.get<int>() >= testing::tiny_special_tokens ? 1U : 0U;
      EXPECT_GE(spelling, answer["text"].get<std::string>().size());
      EXPECT_LE(spelling, answer["text"].get<std::string>().size() + 1);  // the space that moves to the answer
      ++(answer.value("finished", true) ? stopped : cut);
      EXPECT_EQ(answer["origin"]["until"], (Json{{"sums", ten_stops}})) << answer;
    }
  }
  EXPECT_GT(stopped, 30);
  EXPECT_GT(cut, 0);
  EXPECT_EQ(ran_.stages[1].values.at("answers_tokenised_again"), 0.0);
}

TEST_F(Answers, RunOnWhereAConfigSaysSo) {
  const auto tasks = stopping_tasks(ten_stops);
  int digits = 0;
  for (const auto& line : made(stages(R"(, "until": [])"), "1-sample.jsonl.gz", tasks)) {
    for (const auto& answer : line["answers"]) {
      if (answer["origin"] == "data") continue;
      if (holds_digit(answer["text"].get<std::string>())) ++digits;
      EXPECT_EQ(answer["origin"]["until"], (Json{{"", Json::array()}}));
    }
  }
  EXPECT_GT(digits, 40);
}

TEST_F(Answers, OfOtherStopsAreDrawnAgain) {
  const auto first = stopping_tasks(ten_stops);
  const auto before = made(stages(""), "1-sample.jsonl.gz", first);
  const auto second = stopping_tasks({"0"});  // the same version, as a rule that somebody forgot to raise
  EXPECT_NE(made(stages(""), "1-sample.jsonl.gz", second), before);
}

TEST_F(Answers, OfAnEarlierFormatAreDrawnAgain) {
  const auto tasks = stopping_tasks(ten_stops);
  const auto lines = made(stages(""), "1-sample.jsonl.gz", tasks);
  const auto path = folder_.path() / "out.records" / "1-sample.jsonl.gz";
  const auto packed = read_file(path);
  // As format 1 had it: no drawn tokens, and no word of what was cut.
  auto text = read_text_file(path);
  auto all = split(text, '\n');
  auto head = parse_json(all[0], "head");
  head["format"] = 1;
  text = head.dump() + '\n';
  for (auto line : lines) {
    for (auto& answer : line["answers"]) {
      for (const auto* key : {"drawn", "ended", "finished"}) answer.erase(key);
    }
    text += line.dump() + '\n';
  }
  write_file_atomically(path, gzip(text + Json{{"sha256", sha256(text)}}.dump() + "\n"));
  EXPECT_EQ(made(stages(""), "1-sample.jsonl.gz", tasks), lines);
  EXPECT_EQ(read_file(path), packed);
}

TEST_F(Answers, ThatWereCutAreJudgedAsCut) {
  const auto tasks = stopping_tasks(ten_stops);
  const auto lines = made(R"([{"use": "load", "task": "sums"}, {"use": "sample", "answers": 4, "max_new_tokens": 8},
      {"use": "judge"}, {"use": "train", "objective": "sft", "max_steps": 1}])",
                          "2-judge.jsonl.gz", tasks);
  int cut = 0;
  for (const auto& line : lines) {
    for (const auto& answer : line["answers"]) {
      const bool finished = answer.value("finished", true);
      EXPECT_EQ(answer["reward"], finished ? 1.0 : 0.25);
      if (!finished) ++cut;
    }
  }
  EXPECT_GT(cut, 0);
}

/// A session on the tiny model, with three records of the task.
class Rolling : public Answers {
 protected:
  Rolling() : job_(testing::tiny_job(folder_.path())) {
    session_.job = &job_;
    session_.hooks = &hooks_;
    session_.checkpoints = &testing::checkpoints();
    session_.model = testing::checkpoints().load(job_.model, {});
    session_.tokenizer = load_tokenizer(job_.model);
    for (int at = 0; at < 3; ++at) {
      Record record;
      record.id = std::to_string(at);
      record.task = "sums";
      record.prompt = {{Role::user, {std::to_string(at) + "+1="}, " "}};
      Example example;
      example.id = record.id;
      record.example = std::make_shared<const Example>(example);
      session_.data["data"].push_back(record);
    }
  }
  Rollouts roll(const RolloutOptions& options) {
    const auto prompts = rollout_prompts(session_, "data", options.asked.max_new_tokens);
    RolloutLoss objective;
    objective.credit = [](const AnswerBatch& batch) { return std::map<std::string, Tensor>{{"old", batch.logp}}; };
    return roll_out(session_, options, objective, {.policy = session_.model.get()}, prompts, {0, 1, 2}, "draw");
  }
  static RolloutOptions drawing(int max_new_tokens) {
    RolloutOptions options;
    options.asked.max_new_tokens = max_new_tokens;
    options.asked.samples = 4;
    options.asked.temperature = 1.0;
    options.rewards = RewardSet({{.name = "one", .rule = [](const Judged&) { return std::optional(1.0); }}});
    return options;
  }
  TrainJob job_;
  TrainHooks hooks_;
  Session session_;
};

TEST_F(Rolling, StopsWhereTheTaskStops) {
  const auto tasks = stopping_tasks(ten_stops);
  job_.tasks = &tasks;
  const auto text_of = [&](std::span<const std::int64_t> ids) { return session_.tokenizer->decode(ids, true); };
  const auto check = [&](std::span<const std::int64_t> ids, bool stops) {
    const auto text = text_of(ids);
    const auto digit = text.find_first_of("0123456789");
    if (stops && digit != std::string::npos) {
      EXPECT_EQ(digit + 1, text.size()) << text;  // the stop itself was drawn
    }
    return digit != std::string::npos && digit + 1 < text.size();
  };
  auto options = drawing(30);
  for (const auto& row : roll(options).rows) check(std::span(row.ids).subspan(row.prompt_tokens), true);
  options.until.emplace();
  int on = 0;
  for (const auto& row : roll(options).rows) {
    on += check(std::span(row.ids).subspan(row.prompt_tokens), false) ? 1 : 0;
    for (const auto& other : row.others) on += check(other.ids, false) ? 1 : 0;
  }
  EXPECT_GT(on, 0);
}

// DAPO, equation 13, with L_max 6 and L_cache 4: a cut answer of 6 tokens loses 1, one of t tokens (t - 2) / 4.
TEST_F(Rolling, OverlongAnswersLoseReward) {
  const auto tasks = stopping_tasks(ten_stops);
  job_.tasks = &tasks;
  auto options = drawing(6);
  options.overlong_margin = 4;
  const auto rollouts = roll(options);
  double penalties = 0.0;
  const auto check = [&](std::size_t tokens, double reward) {
    const auto wanted = tokens <= 2 ? 0.0 : -(static_cast<double>(tokens) - 2.0) / 4.0;
    EXPECT_DOUBLE_EQ(reward, 1.0 + wanted) << tokens;
    penalties += wanted;
  };
  for (const auto& row : rollouts.rows) {
    check(row.ids.size() - row.prompt_tokens, row.reward);
    for (const auto& other : row.others) check(other.ids.size(), other.reward);
  }
  EXPECT_NEAR(rollouts.values.at("overlong_penalty"), penalties / 12.0, 1e-12);
  EXPECT_LT(penalties, 0.0);
  EXPECT_EQ(rollouts.values.at("reward_one"), 1.0);
  EXPECT_NEAR(rollouts.values.at("reward"), 1.0 + penalties / 12.0, 1e-12);
}

TEST_F(Rolling, RewardsSeeTokensEndAndGroup) {
  const auto tasks = stopping_tasks(ten_stops);
  job_.tasks = &tasks;
  auto options = drawing(6);
  int cut = 0;
  options.rewards = RewardSet({{.name = "looks", .rule = [&](const Judged& judged) -> std::optional<double> {
                                  EXPECT_EQ(judged.group.size(), 4U);
                                  if (!judged.answer().finished) {
                                    ++cut;
                                    EXPECT_EQ(judged.answer().drawn.size(), 6U);
                                  }
                                  return static_cast<double>(judged.number);
                                }}});
  const auto rollouts = roll(options);
  EXPECT_GT(cut, 0);
  EXPECT_EQ(rollouts.rows[1].reward, 0.0);
  EXPECT_EQ(rollouts.rows[1].others[2].reward, 3.0);
}

NamedReward fixed(const std::string& name, std::optional<double> value, double weight,
                  std::optional<double> gate = std::nullopt) {
  return {.name = name, .rule = [value](const Judged&) { return value; }, .weight = weight, .gate = gate};
}

TEST(Rewards, AreWeighedGatedAndMayNotApply) {
  const TrainJob job;
  Record record;
  record.id = "r";
  record.answers.resize(1);
  const Judged judged{job, record, record.answers, 0};
  const auto worth = [&](std::vector<NamedReward> rewards) { return RewardSet(std::move(rewards)).of(judged); };
  const auto sum = worth({fixed("a", 0.5, 2.0), fixed("b", -1.0, 0.25), fixed("c", std::nullopt, 7.0)});
  EXPECT_DOUBLE_EQ(sum.total, 0.75);
  EXPECT_EQ(sum.parts, (std::map<std::string, double>{{"a", 0.5}, {"b", -1.0}}));
  // The gate is shut: the others count nothing, what it gives itself does.
  EXPECT_DOUBLE_EQ(worth({fixed("form", 0.4, 0.5, 0.5), fixed("right", 1.0, 1.0)}).total, 0.2);
  EXPECT_DOUBLE_EQ(worth({fixed("form", 0.5, 0.5, 0.5), fixed("right", 1.0, 1.0)}).total, 1.25);
  EXPECT_DOUBLE_EQ(worth({fixed("form", std::nullopt, 0.5, 0.5), fixed("right", 1.0, 1.0)}).total, 1.0);
  EXPECT_THROW(worth({fixed("a", std::nullopt, 1.0)}), Error);
  EXPECT_THROW(worth({fixed("a", NAN, 1.0)}), Error);
}

TEST(Rewards, AreReadByName) {
  const auto read = [](const std::string& config) {
    Options options(parse_json(config, "test"), "test");
    const auto rewards = read_rewards(options, testing::trainer_book());
    options.done();
    return rewards;
  };
  EXPECT_NO_THROW(read("{}"));
  EXPECT_NO_THROW(read(R"({"rule": "equal"})"));
  EXPECT_NO_THROW(
      read(R"({"rewards": ["task", {"use": "equal", "weight": 0.2, "gate": 1, "name": "word for word"}]})"));
  EXPECT_THROW(read(R"({"rewards": []})"), Error);
  EXPECT_THROW(read(R"({"rewards": ["task"], "rule": "task"})"), Error);
  EXPECT_THROW(read(R"({"rewards": ["task", "task"]})"), Error);
  EXPECT_THROW(read(R"({"rewards": [{"use": "task", "wieght": 1}]})"), Error);
}

TEST(Forks, CriticalIsWhereAllOrAnyOfTheOthersAreWrong) {
  // Row 0: at 1 both wrong, at 3 one right, at 4 both right; row 2: at 0 one tried, wrong; row 1: nothing tried.
  const std::vector<Fork> forks = {{0, 3, 7}, {0, 1, 5}, {0, 1, 6}, {0, 3, 8}, {0, 4, 5}, {0, 4, 6}, {2, 0, 9}};
  const std::vector<bool> right = {true, false, false, false, true, true, false};
  EXPECT_THAT(critical_places(3, forks, right, /*all_wrong=*/true),
              ElementsAre(ElementsAre(1U), ElementsAre(), ElementsAre(0U)));
  EXPECT_THAT(critical_places(3, forks, right, /*all_wrong=*/false),
              ElementsAre(ElementsAre(1U, 3U), ElementsAre(), ElementsAre(0U)));
}

TEST(CriticalPlaces, ThoseWhereTheModelIsLeastCertain) {
  const std::vector<PlacedEntropy> entropies = {
      {.at = 0, .entropy = 0.5F}, {.at = 2, .entropy = 0.1F}, {.at = 3, .entropy = 0.5F}, {.at = 4, .entropy = 1.5F}};
  EXPECT_THAT(uncertain_places(entropies, 2), ElementsAre(0U, 4U));
  EXPECT_THAT(uncertain_places(entropies, 9), ElementsAre(0U, 2U, 3U, 4U));
  EXPECT_THAT(uncertain_places(entropies, 0), ElementsAre());
}

TokenIds ids_of(const ToyTokenizer& tokenizer, const std::string& text) {
  const auto ids = tokenizer.encode(text);
  return {ids.begin(), ids.end()};
}

TEST(StopTexts, AreFoundInWhatWasWritten) {
  const ToyTokenizer tokenizer;
  const StopText turn(tokenizer, {"<end>"});
  const auto written = ids_of(tokenizer, "#### 72<end>73 more");
  EXPECT_FALSE(turn.reached(ids_of(tokenizer, "#### 72")));
  EXPECT_TRUE(turn.reached(ids_of(tokenizer, "#### 72<end>")));
  EXPECT_EQ(turn.shown(written).text, "#### 72");
  EXPECT_EQ(turn.shown(written).tokens, 7);
  const StopText other(tokenizer, {"Q:"});
  EXPECT_EQ(other.shown(ids_of(tokenizer, "a<user>Q:b")).text, "a");
  EXPECT_EQ(other.shown(ids_of(tokenizer, "Answer Q:b")).tokens, 2);
  EXPECT_EQ(other.shown(ids_of(tokenizer, "Answer")).tokens, 1);
  const StopText inside(tokenizer, {"swer"});
  EXPECT_EQ(inside.shown(ids_of(tokenizer, "xAnswer")).text, "xAn");
  EXPECT_EQ(inside.shown(ids_of(tokenizer, "xAnswer")).tokens, -1);
}

TEST(StopTexts, TheFirstSpaceIsKeptWhereItIsAsked) {
  ToyTokenizer tokenizer;
  tokenizer.strips_first_space = true;
  const auto written = ids_of(tokenizer, "  return 1\n\nx");
  EXPECT_EQ(StopText(tokenizer, {"\n\n"}).shown(written).text, " return 1");
  EXPECT_EQ(StopText(tokenizer, {"\n\n"}, true).shown(written).text, "  return 1");
  EXPECT_EQ(StopText(tokenizer, {"\n\n"}, true).shown(ids_of(tokenizer, "return")).text, "return");
}

}  // namespace
}  // namespace touchstone
