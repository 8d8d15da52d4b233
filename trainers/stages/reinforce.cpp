#include "harness/base/seed.hpp"
#include "harness/train/stage.hpp"
#include "trainers/loops/answering.hpp"
#include "trainers/loops/reinforce_loop.hpp"
#include "trainers/rows/data_set.hpp"

namespace touchstone {
namespace {

void read_rollout_options(Options& options, RolloutOptions& rollout) {
  auto& asked = rollout.asked;
  asked.samples = static_cast<int>(
      options.integer("num_generations", "answers to each prompt", {.fallback = 1, .min = 1, .max = 1024}));
  asked.max_new_tokens = static_cast<int>(
      options.integer("max_new_tokens", "tokens of an answer, at most", {.fallback = 256, .min = 1, .max = 1 << 20}));
  asked.temperature = options.number("temperature", "sampling temperature, also of the log-probabilities; 0: greedy",
                                     {.fallback = 1.0, .min = 0.0, .max = 100.0});
  asked.top_p = options.number("top_p", "tokens are drawn from the likeliest with this share of the probability",
                               {.fallback = 1.0, .min = 1e-6, .max = 1.0});
  asked.top_k = static_cast<int>(options.integer("top_k", "likeliest tokens that are drawn from; 0: all",
                                                 {.fallback = 0, .min = 0, .max = 1 << 30}));
  asked.keep_first_space = true;
  rollout.until = read_until(options);
  rollout.reward_clip = options.number("reward_clip", "rewards are clipped to [-this, this]; 0: as they are",
                                       {.fallback = 0.0, .min = 0.0, .max = 1e6});
  rollout.missing_eos_penalty =
      options.number("missing_eos_penalty", "subtracted from the reward of an answer that max_new_tokens cut",
                     {.fallback = 0.0, .min = 0.0, .max = 1e6});
  rollout.overlong_margin =
      options.integer("overlong_margin",
                      "an answer loses up to 1 of its reward, by the share that it uses of this many last tokens "
                      "before max_new_tokens (soft overlong punishment, arXiv 2503.14476); 0: nothing",
                      {.fallback = 0, .min = 0, .max = 1 << 20});
  rollout.mask_truncated =
      options.flag("mask_truncated_completions", "answers that max_new_tokens cut are not trained on", false);
  rollout.batch_tokens = options.integer("batch_tokens", "tokens of a forward pass, at most",
                                         {.fallback = 4096, .min = 1, .max = 1 << 30});
}

void read_loop_options(Options& options, ReinforceOptions& reinforce) {
  reinforce.prompts = options.integer("rollout_batch_size", "prompts that are answered before the model is trained",
                                      {.fallback = 64, .min = 1, .max = 1 << 30});
  reinforce.epochs = options.number("num_train_epochs", "times that each prompt is answered",
                                    {.fallback = 1.0, .min = 1e-6, .max = 1e6});
  reinforce.max_rollouts = options.integer("max_rollouts", "rollouts, in place of epochs; -1: by epochs",
                                           {.fallback = -1, .min = -1, .max = 100000000});
  require(reinforce.max_rollouts != 0, Fault::config,
          [&] { return options.where() + ": key 'max_rollouts': found 0, expected -1 (by epochs) or at least 1"; });
  reinforce.passes = options.integer("num_iterations", "passes over the answers of a rollout",
                                     {.fallback = 1, .min = 1, .max = 1 << 20});
  reinforce.mini_batches =
      options.integer("num_mini_batches", "optimizer steps of a pass", {.fallback = 1, .min = 1, .max = 1 << 20});
}

Stage make_reinforce(Options& options, const TrainerBook& book) {
  ReinforceOptions reinforce;
  reinforce.data = read_on(options, "name of a data set of prompts");
  reinforce.reference =
      options.text("reference", "name of a frozen model; \"\": the model as the stage begins", {.fallback = ""});
  auto use = options.child("objective", "the loss: a name, or {\"use\": NAME, ...} with its options");
  if (!options.describing()) reinforce.objective = make_use(std::move(use), book.objectives, book);
  reinforce.rollout.rewards = read_rewards(options, book);
  read_rollout_options(options, reinforce.rollout);
  read_loop_options(options, reinforce);
  reinforce.optimizer = read_optimizer_options(options);
  reinforce.critic_learning_rate = options.number("critic_learning_rate", "the critic's highest rate; 0: learning_rate",
                                                  {.fallback = 0.0, .min = 0.0, .max = 10.0});
  const auto* objective = std::get_if<RolloutLoss>(&reinforce.objective);
  require(objective != nullptr, Fault::config, [&] {
    return options.where() +
           ": key 'objective': found one for given answers, expected one for answers that the model writes (the stage "
           "'train' takes the other kind)";
  });
  const auto& rollout = reinforce.rollout;
  require(rollout.overlong_margin <= rollout.asked.max_new_tokens, Fault::config, [&] {
    return options.where() + ": key 'overlong_margin': found " + std::to_string(rollout.overlong_margin) +
           ", expected at most max_new_tokens, " + std::to_string(rollout.asked.max_new_tokens);
  });
  require(options.describing() || reinforce.rollout.asked.samples >= objective->least_group, Fault::config, [&] {
    return options.where() + ": key 'num_generations': found " + std::to_string(reinforce.rollout.asked.samples) +
           ", expected at least " + std::to_string(objective->least_group) + " for this objective";
  });
  Stage stage;
  stage.needs.push_back(needs_data(reinforce.data));
  if (!reinforce.reference.empty()) stage.needs.push_back("frozen model '" + reinforce.reference + "'");
  stage.run = [reinforce](Session& session) {
    auto chosen = reinforce;
    chosen.seed = derive_seed(session.job->seed, "reinforce." + reinforce.data);
    ReinforceLoop(session, std::move(chosen)).run();
  };
  return stage;
}

}  // namespace

namespace plugins {
void reinforce(TrainerBook& book) {
  book.stages.add("reinforce", {.summary = "writes answers, judges them by a reward and trains on them, in turns",
                                .make = make_reinforce});
}
}  // namespace plugins
}  // namespace touchstone
