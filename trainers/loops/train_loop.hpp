#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/train/session.hpp"
#include "trainers/loops/batches.hpp"
#include "trainers/loops/optimizer_options.hpp"
#include "trainers/loops/parameter_groups.hpp"
#include "trainers/loops/resume.hpp"
#include "trainers/loops/step_log.hpp"
#include "trainers/losses/loss.hpp"
#include "trainers/rows/rows.hpp"

namespace touchstone {

/// The options of one `train` stage, as its config gives them.
struct TrainOptions {
  std::string data = "data";
  std::string validation;         ///< name of another data set; empty: none
  double validation_share = 0.0;  ///< share of the rows set aside
  std::int64_t eval_steps = 0;    ///< 0: at the end of each epoch
  Objective objective;
  Normaliser normaliser = Normaliser::token_mean;
  double constant_length = 0.0;
  OptimizerOptions optimizer;
  double language_rate_factor = 1.0;                   ///< of the language part (all of a text model)
  std::vector<std::string> trained_modules = {"all"};  ///< as trainable_parameters() takes them
  StepSettings steps;
  RowSettings rows;
  std::int64_t keep_every_steps = 0;  ///< whole checkpoints are kept that often, beside the output; 0: none
};

/// One training stage from its rows to its last step, with checkpoints on the way.
class TrainLoop {
 public:
  TrainLoop(Session& session, TrainOptions options);
  /// Throws Fault::numeric naming the step when loss or gradient is not finite, and Cancelled, with a checkpoint saved,
  /// when the job is asked to stop.
  void run();

 private:
  void slow_language();
  void check_layers() const;
  void prepare_rows();
  void prepare_objective();
  bool restore();  ///< true when the stage had finished already
  StepReport step(std::int64_t number);
  double validate();
  bool validates_after(std::int64_t number) const;
  TrainState state(bool with_moments) const;
  void keep() const;  ///< writes the model as it is now to WORK/kept/step-NNNNNNNN
  BatchSettings batch_settings(int epoch) const;
  LossTotals totals_of(const std::vector<Row>& rows, const std::vector<std::size_t>& chosen, int epoch) const;

  Session& session_;
  TrainOptions options_;
  Needs needs_;
  std::vector<Row> rows_;
  std::vector<Row> validation_;
  std::vector<PlannedStep> plan_;
  Schedule schedule_;
  LossSettings loss_;
  at::Device device_;
  std::optional<ParameterGroups> groups_;
  std::optional<StageCheckpoints> checkpoints_;
  std::int64_t done_ = 0;
  StepCounters counters_;
};

}  // namespace touchstone
