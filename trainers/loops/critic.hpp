#pragma once
#include <memory>

#include "harness/model/model.hpp"
#include "harness/train/session.hpp"
#include "trainers/loops/batches.hpp"

namespace touchstone {

/// Predicts before each token of an answer the reward to come: a separate model with a linear map from its last hidden
/// state to one number. Sources: "Proximal Policy Optimization Algorithms", arXiv 1707.06347, section 5, with
/// policy and values apart as in "Training language models to follow instructions with human feedback", arXiv
/// 2203.02155, appendix C.4.
class Critic {
 public:
  /// Begins as a copy of `model`, adapters folded in, that predicts zero: the map is zero.
  explicit Critic(const Model& model);
  /// [M] float32 at the places that predict the batch's labels, with gradient where that is enabled.
  Tensor values(const Batch& batch) const;
  /// All its parameters, under names that begin with "critic."; the critic must outlive the module. A rate of 0: that
  /// of the stage.
  Module module(double learning_rate);

 private:
  std::unique_ptr<Model> model_;
  Tensor head_;  ///< [1, D] float32
};

}  // namespace touchstone
