#pragma once
#include <span>
#include <vector>

#include "harness/data/reading.hpp"
#include "harness/engine/generator.hpp"
#include "harness/engine/prefix_tree.hpp"

namespace touchstone {

/// A model as it answers.
struct ReadModel {
  Model* model = nullptr;
  LogitsMaker logits{};  ///< what changes logits before they are read
  ModelUse use{};
};

struct ReaderSettings {
  int batch_tokens = 4096;
  int threads = 1;
};

/// What a model says of the targets of each item, one reading a target. `reference` reads the same tokens; null: there
/// is none; the same model: its numbers are the model's own, and both divergences exactly 0. Logits of a few rows exist
/// at a time, however long the texts are.
std::vector<std::vector<TokenReading>> read_tokens(const ReadModel& model, const ReadModel* reference,
                                                   std::span<const ScoredTokens> items, const ReaderSettings& settings,
                                                   const WorkWatch& watch);

}  // namespace touchstone
