#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/train/session.hpp"
#include "trainers/loops/optimizer_options.hpp"
#include "trainers/loops/parameter_groups.hpp"
#include "trainers/loops/resume.hpp"
#include "trainers/loops/rollouts.hpp"
#include "trainers/loops/step_log.hpp"
#include "trainers/losses/loss.hpp"

namespace touchstone {

/// The options of one `reinforce` stage.
struct ReinforceOptions {
  std::string data = "data";
  std::string reference;                ///< name of a frozen model; empty: the model as the stage begins
  Objective objective = RolloutLoss();  ///< a RolloutLoss
  RolloutOptions rollout;
  std::int64_t prompts = 64;       ///< per iteration
  double epochs = 1.0;             ///< times that each prompt is answered
  std::int64_t max_rollouts = -1;  ///< when positive, iterations in place of epochs
  std::int64_t passes = 1;         ///< over the answers of an iteration
  std::int64_t mini_batches = 1;   ///< optimizer steps of a pass
  OptimizerOptions optimizer;
  double critic_learning_rate = 0.0;  ///< 0: as the policy's
  std::uint64_t seed = 0;
};

/// Writes answers, judges them and trains on them, in turns, until all prompts are used. Saves between iterations.
class ReinforceLoop {
 public:
  ReinforceLoop(Session& session, ReinforceOptions options);
  /// Throws Fault::numeric naming the step when loss or gradient is not finite, and Cancelled, with a checkpoint saved,
  /// when the job is asked to stop.
  void run();

 private:
  const RolloutLoss& objective() const { return std::get<RolloutLoss>(options_.objective); }
  void plan();
  bool restore();  ///< true when the stage had finished already
  void iterate(std::size_t number);
  void train_on(const Rollouts& rollouts, const std::vector<std::size_t>& rows);
  LossTotals totals_of(const Rollouts& rollouts, const std::vector<std::size_t>& rows) const;
  void take_step(const LossTotals& totals, StepReport& report);
  std::int64_t steps_of(std::size_t prompts) const;
  TrainState state(bool with_moments) const;

  Session& session_;
  ReinforceOptions options_;
  RolloutPrompts prompts_;
  std::vector<std::vector<std::size_t>> plan_;  ///< prompts of each iteration
  Schedule schedule_;
  std::unique_ptr<Model> own_reference_;
  std::unique_ptr<Critic> critic_;
  RolloutModels models_;
  LossSettings loss_;
  std::optional<ParameterGroups> groups_;  ///< the policy's, the critic's last
  std::optional<StageCheckpoints> checkpoints_;
  std::int64_t done_ = 0;  ///< optimizer steps
  StepCounters counters_;
};

}  // namespace touchstone
