#pragma once
#include <map>
#include <string>
#include <vector>

#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/loops/answering.hpp"
#include "trainers/loops/critic.hpp"
#include "trainers/loops/reward_set.hpp"
#include "trainers/rows/rows.hpp"

namespace touchstone {

/// How answers are written and judged.
struct RolloutOptions {
  Generation asked;  ///< its samples: answers to each prompt
  StopTexts until;   ///< none: those of each record's own benchmark
  RewardSet rewards;
  double reward_clip = 0.0;          ///< rewards are clipped to [-this, this]; 0: as they are
  double missing_eos_penalty = 0.0;  ///< subtracted from the reward of an answer that max_new_tokens cut
  std::int64_t overlong_margin =
      0;                        ///< tokens before max_new_tokens in which overlong_penalty() falls; 0: none is taken
  bool mask_truncated = false;  ///< the tokens of cut answers weigh zero
  std::int64_t batch_tokens = 4096;  ///< of a forward pass, at most
};

/// The prompts of a data set as rows without answers, with the records that they came from.
struct RolloutPrompts {
  std::vector<Row> rows;
  std::vector<const Record*> records;
};

/// Prompts that leave room for an answer; the others are counted in session.values. Throws Fault::data when there is
/// none.
RolloutPrompts rollout_prompts(Session& session, const std::string& data, int max_new_tokens);

/// The models that score written answers.
struct RolloutModels {
  Model* policy = nullptr;
  Model* reference = nullptr;  ///< null: not needed
  Critic* critic = nullptr;    ///< null: not needed
};

/// Answers of one iteration.
struct Rollouts {
  std::vector<Row> rows;                             ///< a prompt each, with all of its answers
  std::vector<std::map<std::string, Tensor>> notes;  ///< of each row's trained tokens: AnswerBatch::notes
  std::map<std::string, double> values;              ///< reported: reward, kl, answer_tokens, ...
};

/// Lets the model write answers to some of the prompts, judges them, and credits each token. `name` seeds the random
/// draws.
Rollouts roll_out(const Session& session, const RolloutOptions& options, const RolloutLoss& objective,
                  const RolloutModels& models, const RolloutPrompts& prompts, const std::vector<std::size_t>& chosen,
                  const std::string& name);

/// Temperature of the log-probabilities: the sampling temperature, or 1 for greedy decoding.
double rollout_temperature(const RolloutOptions& options);

/// Splits some rows into groups of at most this many tokens.
std::vector<std::vector<std::size_t>> token_groups(const std::vector<Row>& rows, const std::vector<std::size_t>& chosen,
                                                   std::int64_t tokens);

}  // namespace touchstone
