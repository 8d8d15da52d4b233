#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "harness/model/model.hpp"
#include "harness/model/objective.hpp"
#include "trainers/loops/batches.hpp"

namespace touchstone {

class Critic;

/// Sums over the micro-batches of one optimizer step (or of a validation pass).
struct LossTotals {
  double sum = 0.0;
  double count = 0.0;  ///< as the objective gives it
  double positions = 0.0;
  double weight_sum = 0.0;
  std::int64_t sequences = 0;
  std::int64_t tokens = 0;
  std::map<std::string, double> logged;
  double logged_over = 0.0;  ///< what the logged sums are divided by: positions, or records of an answer objective

  void add(const LossTotals& other);
  /// What the sum is divided by. Zero when no token is under the loss.
  double divisor(Normaliser normaliser, double constant_length) const;
};

/// The models and the loss of one training stage.
struct LossSettings {
  Model* model = nullptr;
  Model* reference = nullptr;  ///< the frozen model that the objective names; null when it needs none
  const Objective* objective = nullptr;
  /// Trained positions whose logits are held at once; 0: so many that they fill about 16 MB, between 256 and 8192.
  std::int64_t chunk_positions = 0;
  std::uint64_t draw_seed = 0;  ///< TokenBatch::draw_seed
  double temperature = 1.0;     ///< logits of answers are divided by this
  Critic* critic = nullptr;     ///< null when the objective needs no values
};

/// The model's input of a batch: its tokens, and the soft rows computed from the pictures, with gradient.
Inputs inputs_of(Model& model, const Batch& batch);

/// Log-probability of each trained token of a batch, [M] float32, without gradient.
Tensor token_logp(Model& model, const Batch& batch, double temperature = 1.0);

/// What a pass has to keep for an objective that looks at these layers, beside what it reads of trained positions `at`
/// [M]. Throws Fault::config for a layer that the model has not, or that is named twice.
Want want_of(const Layers& layers, const Model& model, const Tensor& at = {});

/// Runs one batch and gives its sums. Where gradients are enabled, those of the undivided sum are added to the
/// parameters'. The head runs over chunks of trained positions, forward and backward at once, so that logits never
/// exist for more than one chunk. For an objective over answers, which needs all log-probabilities before it has a
/// gradient, and for exits of a model, a second pass makes the chunks' logits again when they are more than one. What
/// the batch only watches is run before, without gradient.
LossTotals accumulate_loss(const LossSettings& settings, const Batch& batch);

}  // namespace touchstone
