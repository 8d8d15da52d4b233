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

/// Scores items, one Scored each, in the order given. `threads` workers each take whole stretches of the sorted items.
/// `done` hears how many more items are finished, from any worker, one at a time. `logits` makes what changes logits
/// before they are read, `use` says how the model is run.
std::vector<Scored> score(Model& model, std::span<const ScoredTokens> items, int batch_tokens, int threads,
                          EngineCounts& counts, const CancelFlag* cancel, const std::function<void(std::size_t)>& done,
                          const SoftRows* soft = nullptr, const LogitsMaker& logits = {}, const ModelUse& use = {});

}  // namespace touchstone
