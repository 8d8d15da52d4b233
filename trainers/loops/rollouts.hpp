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
  StopTexts until;   ///< none: where each record's own benchmark stops
  RewardSet rewards;
  double reward_clip = 0.0;          ///< rewards are held within this on either side; 0: as they are
  double missing_eos_penalty = 0.0;  ///< taken from the reward of an answer that max_new_tokens cut
  std::int64_t overlong_margin =
      0;                        ///< tokens before max_new_tokens in which overlong_penalty() falls; 0: none is taken
  bool mask_truncated = false;  ///< the tokens of such answers weigh nothing
  std::int64_t batch_tokens = 4096;  ///< of a forward pass, at most
};

/// The prompts of a data set as rows without answers, beside the records that they came from.
struct RolloutPrompts {
  std::vector<Row> rows;
  std::vector<const Record*> records;
};

/// Prompts that leave room for an answer; the others are counted in session.values. Throws Fault::data when there is
/// none.
RolloutPrompts rollout_prompts(Session& session, const std::string& data, int max_new_tokens);

/// What the models involved make of written answers.
struct RolloutModels {
  Model* policy = nullptr;
  Model* reference = nullptr;  ///< null: not needed
  Critic* critic = nullptr;    ///< null: not needed
};

/// Answers of one iteration.
struct Rollouts {
  std::vector<Row> rows;                             ///< a prompt each, with all of its answers
  std::vector<std::map<std::string, Tensor>> notes;  ///< of each row's trained tokens: AnswerBatch::notes
  std::map<std::string, double> values;              ///< what is reported of them: reward, kl, answer_tokens, ...
};

/// Lets the model write answers to some of the prompts, judges them, and says what each token earned. `name` names the
/// draws.
Rollouts roll_out(const Session& session, const RolloutOptions& options, const RolloutLoss& objective,
                  const RolloutModels& models, const RolloutPrompts& prompts, const std::vector<std::size_t>& chosen,
                  const std::string& name);

/// Temperature of the log-probabilities: that of drawing, or 1 where the likeliest token is taken.
double rollout_temperature(const RolloutOptions& options);

/// Some rows as groups of at most so many tokens each.
std::vector<std::vector<std::size_t>> token_groups(const std::vector<Row>& rows, const std::vector<std::size_t>& chosen,
                                                   std::int64_t tokens);

}  // namespace touchstone
