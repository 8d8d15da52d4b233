// The stage that lets the model write, judges and trains: on the tiny model.
#include <gmock/gmock.h>

#include "backends/tokenizers/tokenizers.hpp"
#include "harness/base/seed.hpp"
#include "tests/trainers/tiny.hpp"
#include "trainers/book.hpp"
#include "trainers/loops/answering.hpp"
#include "trainers/loops/rollouts.hpp"

namespace touchstone {
namespace {

namespace fs = std::filesystem;

/// A reward that likes one sign: its share of the answer's text.
std::optional<double> likes_sevens(const Judged& judged) {
  const auto& text = judged.answer().text;
  const auto count = std::count(text.begin(), text.end(), '7');
  return text.empty() ? 0.0 : static_cast<double>(count) / static_cast<double>(text.size());
}

const TrainerBook& book() {
  static const TrainerBook filled = [] {
    TrainerBook made;
    add_trainers(made);
    made.rewards.add("sevens", {.summary = "for tests",
                                .make = [](Options&, const TrainerBook&) -> Reward { return likes_sevens; }});
    return made;
  }();
  return filled;
}

class Reinforce : public ::testing::Test {
 protected:
  TrainJob job(const std::string& options, const std::string& before = "",
               const std::string& length = R"("max_new_tokens": 6, )") {
    auto made = testing::tiny_job(folder_.path());
    made.recipe = testing::write_recipe(folder_.path(), R"([{"use": "load", "task": "sums"}, )" + before +
                                                            R"({"use": "reinforce", )" + length + options + "}]");
    return made;
  }
  static testing::Ran run(const TrainJob& job, const std::function<void(const StepReport&)>& heard = {},
                          const CancelFlag* cancel = nullptr) {
    return testing::run_job(job, heard, cancel, book());
  }
  testing::TemporaryFolder folder_;
};

const char* const ppo_options =
    R"("rule": "sevens", "objective": {"use": "ppo", "kl_coef": 0.01, "vf_coef": 1}, "rollout_batch_size": 24,
       "num_generations": 4, "learning_rate": 0.005, "critic_learning_rate": 0.01, "num_mini_batches": 2,
       "num_iterations": 2)";

TEST_F(Reinforce, PpoEarnsMore) {
  const auto ran = run(job(std::string(ppo_options) + R"(, "max_rollouts": 12)"));
  ASSERT_EQ(ran.steps.size(), 48U);
  const auto& first = ran.steps.front().values;
  EXPECT_NEAR(first.at("kl"), 0.0, 1e-5);
  EXPECT_NEAR(first.at("clipped"), 0.0, 1e-9);  // the ratio is one before the first step
  EXPECT_GT(ran.stages.back().values.at("last_reward"), ran.stages.back().values.at("first_reward") + 0.2);
  EXPECT_GT(ran.steps.back().values.at("kl"), 0.0);
}

class GroupObjectives : public Reinforce, public ::testing::WithParamInterface<const char*> {};

TEST_P(GroupObjectives, EarnMore) {
  const auto ran = run(job(R"("rule": "sevens", "rollout_batch_size": 24, "num_generations": 4, "learning_rate": 0.005,
      "max_rollouts": 14, "objective": )" +
                           std::string(GetParam())));
  EXPECT_GT(ran.stages.back().values.at("last_reward"), ran.stages.back().values.at("first_reward") + 0.2);
}

INSTANTIATE_TEST_SUITE_P(All, GroupObjectives,
                         ::testing::Values(R"({"use": "grpo"})",
                                           R"({"use": "grpo", "loss_type": "grpo", "beta": 0.01})",
                                           R"({"use": "grpo", "importance_sampling_level": "sequence"})",
                                           R"({"use": "rloo", "beta": 0.01})"));

// Stopped after any iteration and started again, the job ends with the same bits.
TEST_F(Reinforce, GoesOnWhereItStopped) {
  const auto options = std::string(ppo_options) + R"(, "max_rollouts": 4)";
  auto whole = job(options);
  const auto wanted = run(whole).result.model_hash;
  auto stopped = job(options);
  stopped.work = folder_.path() / "stopped";
  stopped.out = folder_.path() / "stopped-out";
  stopped.save_every_steps = 4;
  CancelFlag cancel;
  const auto stop = [&](const StepReport& report) {
    if (report.step == 6) cancel.set();  // within the second rollout of four steps each
  };
  EXPECT_THROW(run(stopped, stop, &cancel), Cancelled);
  const auto ran = run(stopped);
  EXPECT_EQ(ran.result.resumed_from_step, 8);
  EXPECT_EQ(ran.steps.size(), 8U);
  EXPECT_EQ(ran.result.model_hash, wanted);
}

TEST_F(Reinforce, AdaptersTrainAlone) {
  const auto ran = run(job(std::string(ppo_options) + R"(, "max_rollouts": 2)", R"({"use": "adapt", "r": 4}, )"));
  EXPECT_NEAR(ran.steps.front().values.at("kl"), 0.0, 1e-5);
  EXPECT_EQ(ran.steps.size(), 8U);
}

TEST_F(Reinforce, GreedyAnswersAndTruncatedOnes) {
  // Every answer of a random model is cut at six tokens: masked, nothing is trained and the weights stay.
  auto made = job(R"("rule": "sevens", "temperature": 0, "mask_truncated_completions": true,
      "objective": {"use": "ppo"}, "max_rollouts": 1)");
  const auto ran = run(made);
  EXPECT_EQ(ran.steps.front().values.at("unfinished"), 1.0);
  EXPECT_EQ(ran.steps.front().gradient_norm, 0.0);
  EXPECT_EQ(ran.result.model_hash, testing::checkpoints().model_hash(made.model));
  const auto punished = run(job(R"("rule": "sevens", "temperature": 0, "missing_eos_penalty": 3, "reward_clip": 2,
      "objective": {"use": "ppo"}, "max_rollouts": 1)"));
  EXPECT_EQ(punished.steps.front().values.at("reward"), -2.0);
}

TEST_F(Reinforce, WhatDoesNotFitIsRefusedBeforeAnythingRuns) {
  const auto fails_with = [&](const TrainJob& job, const std::string& words) {
    try {
      run(job);
      ADD_FAILURE() << "was taken";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  };
  fails_with(job(R"("objective": "sft")"), "expected one for answers that the model writes");
  fails_with(job(R"("objective": "grpo")"), "key 'num_generations': found 1, expected at least 2");
  fails_with(job(R"("objective": "ppo", "rule": "sevenths")"), "did you mean 'sevens'");
  fails_with(job(R"("objective": "ppo", "reference": "base")"), "frozen model 'base'");
  fails_with(job(R"("objective": "ppo", "rule": "tool_call")"), "found a target that is not a call");
  fails_with(job(R"("objective": "ppo")", "", R"("max_new_tokens": 128, )"), "leaves room");
  auto given = testing::tiny_job(folder_.path());
  given.recipe = testing::write_recipe(folder_.path(),
                                       R"([{"use": "load", "task": "sums"}, {"use": "train", "objective": "ppo"}])");
  fails_with(given, "stage 'reinforce'");
}

// What the engine drew a token with is what the loss finds for it: prompts, answers and temperature are the same.
TEST_F(Reinforce, LogProbabilitiesAreThoseOfDrawing) {
  const auto made = testing::tiny_job(folder_.path());
  const TrainHooks hooks;
  Session session;
  session.job = &made;
  session.hooks = &hooks;
  session.checkpoints = &testing::checkpoints();
  session.model = testing::checkpoints().load(made.model, {});
  session.tokenizer = load_tokenizer(made.model);
  for (int at = 0; at < 5; ++at) {
    Record record;
    record.id = std::to_string(at);
    record.prompt = {{Role::user, {std::to_string(at) + "+1="}, " "}};
    session.data["data"].push_back(record);
  }
  const auto prompts = rollout_prompts(session, "data", 6);
  RolloutOptions options;
  options.asked.max_new_tokens = 6;
  options.asked.temperature = 0.7;
  options.asked.samples = 2;
  options.rewards = RewardSet({{.name = "sevens", .rule = likes_sevens}});
  RolloutLoss objective;
  objective.credit = [](const AnswerBatch& batch) { return std::map<std::string, Tensor>{{"old_logp", batch.logp}}; };
  const RolloutModels models{.policy = session.model.get()};
  const auto rollouts = roll_out(session, options, objective, models, prompts, {0, 1, 2, 3, 4}, "draw");
  for (std::size_t at = 0; at < 5; ++at) {
    const auto& row = rollouts.rows[at];
    EXPECT_EQ(row.others.size(), 1U);
    // Drawn again, with the log-probabilities that the sampler saw.
    TokenPrompt prompt{.tokens = prompts.rows[at].ids, .pictures = {}, .asked = options.asked};
    prompt.asked.seed = derive_seed(made.seed, "draw." + row.id);
    const auto written = go_on_from(session, std::span(&prompt, 1));
    std::int64_t token = 0;
    for (const auto& answer : written.front()) {
      for (const auto logp : answer.logp_nats) {
        EXPECT_NEAR(rollouts.notes[at].at("old_logp")[token++].item<double>(), logp, 1e-4);
      }
      if (answer.tokens.size() > answer.logp_nats.size()) ++token;  // the end token
    }
    EXPECT_EQ(token, rollouts.notes[at].at("old_logp").size(0));
  }
}

}  // namespace
}  // namespace touchstone
