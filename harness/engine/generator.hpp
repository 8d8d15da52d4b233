#pragma once
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "harness/engine/prefix_tree.hpp"
#include "harness/model/logits.hpp"

namespace touchstone {

/// Makes a worker's own LogitsProcessor; empty: logits are not changed.
using LogitsMaker = std::function<std::unique_ptr<LogitsProcessor>()>;

/// Who hears of the engine's work while it runs.
struct WorkWatch {
  EngineCounts& counts;
  const CancelFlag* cancel = nullptr;
  /// Hears how many more requests are finished, from any worker, one call at a time.
  std::function<void(std::size_t)> done{};
};

/// What generation needs besides the model.
struct GeneratorSettings {
  const Tokenizer* tokenizer = nullptr;
  std::vector<std::int32_t> end_tokens;  ///< any of them ends an answer
  std::string end_text;                  ///< also ends an answer when the model spells it out; empty: none
  int batch_tokens = 4096;
  int rows = 64;  ///< answers that are written at the same time, at most, by each worker
  int threads = 1;
  const SoftRows* soft = nullptr;  ///< of the pictures in the prompts
  LogitsMaker logits{};            ///< what changes logits before the sampler sees them
  ModelUse use{};
};

/// Answers to all prompts; result[i] has requests[i]->samples texts. Finished rows leave the batch and others enter.
std::vector<std::vector<Generated>> generate(Model& model, std::span<const Generation* const> requests,
                                             std::span<const Prompt> prompts, const GeneratorSettings& settings,
                                             const WorkWatch& watch);

}  // namespace touchstone
