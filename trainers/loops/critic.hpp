#pragma once
#include <memory>

#include "harness/model/model.hpp"
#include "harness/train/session.hpp"
#include "trainers/loops/batches.hpp"

namespace touchstone {

/// Says before each token of an answer what reward is to come: a model of its own with a linear map from its last
/// hidden state to one number. Sources: "Proximal Policy Optimization Algorithms", arXiv 1707.06347, section 5, with
/// policy and values apart as in "Training language models to follow instructions with human feedback", arXiv
/// 2203.02155, appendix C.4.
class Critic {
 public:
  /// Begins as a copy of `model`, adapters folded in, that expects nothing: the map is zero.
  explicit Critic(const Model& model);
  /// [M] float32 at the places that predict the batch's labels, with gradient where that is enabled.
  Tensor values(const Batch& batch) const;
  /// All of it, by names that begin with "critic."; it must outlive the module. A rate of 0: that of the stage.
  Module module(double learning_rate);

 private:
  std::unique_ptr<Model> model_;
  Tensor head_;  ///< [1, D] float32
};

}  // namespace touchstone
