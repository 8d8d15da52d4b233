#include "trainers/parts/loss.hpp"

#include <algorithm>

#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

/// The last hidden states at the trained positions, [M, D].
Tensor hidden_at(Model& model, const Batch& batch) {
  Want want;
  want.logits = false;
  want.hidden = true;
  want.hidden_at = batch.at;
  return model.forward(inputs_of(model, batch), want).hidden;
}

std::int64_t chunk_of(const LossSettings& settings) {
  if (settings.chunk_positions > 0) return settings.chunk_positions;
  return std::clamp<std::int64_t>((std::int64_t{4} << 20) / settings.model->vocabulary(), 256, 8192);
}

void add_loss(LossTotals& totals, const LossSum& loss) {
  totals.sum += loss.sum.item<double>();
  totals.count += loss.count;
  for (const auto& [name, value] : loss.logged) totals.logged[name] += value;
}

}  // namespace

void LossTotals::add(const LossTotals& other) {
  sum += other.sum;
  count += other.count;
  positions += other.positions;
  weight_sum += other.weight_sum;
  sequences += other.sequences;
  tokens += other.tokens;
  for (const auto& [name, value] : other.logged) logged[name] += value;
}

double LossTotals::divisor(Normaliser normaliser, double constant_length) const {
  const auto rows = static_cast<double>(sequences);
  switch (normaliser) {
    case Normaliser::sequence_mean:
    case Normaliser::sequence_sum:
      return rows;
    case Normaliser::constant:
      return rows * constant_length;
    case Normaliser::weight_sum:
      return weight_sum;
    case Normaliser::token_mean:
      break;
  }
  return count;
}

Inputs inputs_of(Model& model, const Batch& batch) {
  auto inputs = batch.inputs;
  if (!batch.tiles.defined()) return inputs;
  inputs.soft = model.look(batch.tiles);
  if (batch.soft_from.defined()) inputs.soft = inputs.soft.index_select(0, batch.soft_from);
  return inputs;
}

LossTotals accumulate_loss(const LossSettings& settings, const Batch& batch) {
  LossTotals totals;
  totals.positions = static_cast<double>(batch.at.size(0));
  totals.weight_sum = batch.weight_sum;
  totals.sequences = batch.sequences;
  totals.tokens = batch.tokens;
  const auto hidden = hidden_at(*settings.model, batch);
  Tensor reference;
  if (settings.reference != nullptr) {
    const at::NoGradGuard no_grad;
    reference = hidden_at(*settings.reference, batch);
  }
  const bool train = at::GradMode::is_enabled();
  auto leaf = hidden.detach();
  if (train && hidden.requires_grad()) leaf.requires_grad_(true);
  const auto chunk = chunk_of(settings);
  for (std::int64_t first = 0; first < leaf.size(0); first += chunk) {
    const auto count = std::min(chunk, leaf.size(0) - first);
    TokenBatch tokens;
    tokens.logits = settings.model->project(leaf.narrow(0, first, count));
    tokens.labels = batch.labels.narrow(0, first, count);
    if (batch.weights.defined()) tokens.weights = batch.weights.narrow(0, first, count);
    if (reference.defined()) {
      const at::NoGradGuard no_grad;
      tokens.ref_logits = settings.reference->project(reference.narrow(0, first, count));
    }
    const auto loss = settings.objective->loss(tokens);
    add_loss(totals, loss);
    if (train && loss.sum.requires_grad()) loss.sum.backward();
  }
  if (leaf.grad().defined()) hidden.backward(leaf.grad());
  return totals;
}

}  // namespace touchstone
