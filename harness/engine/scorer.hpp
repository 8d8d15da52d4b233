#pragma once
#include <functional>
#include <span>
#include <vector>

#include "harness/engine/generator.hpp"
#include "harness/engine/prefix_tree.hpp"

namespace touchstone {

/// A model's score of the last tokens of a sequence.
struct Scored {
  double logp_nats = 0.0;  ///< sum in float64 of float32 log-softmax values
  bool greedy = false;     ///< every target was the arg max of its row; of equal logits the lowest id counts
};

/// What scoring needs besides the model.
struct ScorerSettings {
  int batch_tokens = 4096;
  int threads = 1;                 ///< workers; each takes whole stretches of the sorted items
  const SoftRows* soft = nullptr;  ///< of the pictures in the prompts
  LogitsMaker logits{};            ///< what changes logits before they are read
  ModelUse use{};
};

/// Scores items, one Scored each, in the order given.
std::vector<Scored> score(Model& model, std::span<const ScoredTokens> items, const ScorerSettings& settings,
                          const WorkWatch& watch);

}  // namespace touchstone
