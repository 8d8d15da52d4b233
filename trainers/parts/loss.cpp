#include "trainers/parts/loss.hpp"

#include <algorithm>

#include "harness/model/ops.hpp"
#include "trainers/parts/pieces.hpp"

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

/// One pass over chunks of positions: a token objective needs to see no more at once.
void token_losses(const LossSettings& settings, const Batch& batch, const Tensor& hidden, LossTotals& totals) {
  Tensor reference;
  if (settings.reference != nullptr) {
    const at::NoGradGuard no_grad;
    reference = hidden_at(*settings.reference, batch);
  }
  const auto chunk = chunk_of(settings);
  for (std::int64_t first = 0; first < hidden.size(0); first += chunk) {
    const auto count = std::min(chunk, hidden.size(0) - first);
    const auto part = [&](const Tensor& all) { return all.defined() ? all.narrow(0, first, count) : all; };
    TokenBatch tokens;
    tokens.logits = settings.model->project(part(hidden));
    tokens.labels = part(batch.labels);
    tokens.weights = part(batch.weights);
    tokens.marks = part(batch.marks);
    tokens.keys = part(batch.keys);
    tokens.draw_seed = settings.draw_seed;
    if (reference.defined()) {
      const at::NoGradGuard no_grad;
      tokens.ref_logits = settings.reference->project(part(reference));
    }
    const auto loss = settings.objective->loss(tokens);
    add_loss(totals, loss);
    if (at::GradMode::is_enabled() && loss.sum.requires_grad()) loss.sum.backward();
  }
}

Tensor chunk_logp(const LossSettings& settings, const Batch& batch, const Tensor& hidden, std::int64_t first,
                  std::int64_t count) {
  return label_logp(settings.model->project(hidden.narrow(0, first, count)), batch.labels.narrow(0, first, count));
}

/// Chunk by chunk, without gradient.
Tensor all_logp(const LossSettings& settings, const Batch& batch, const Tensor& hidden) {
  const at::NoGradGuard no_grad;
  const auto chunk = chunk_of(settings);
  std::vector<Tensor> parts;
  for (std::int64_t first = 0; first < hidden.size(0); first += chunk) {
    parts.push_back(chunk_logp(settings, batch, hidden, first, std::min(chunk, hidden.size(0) - first)));
  }
  return at::cat(parts);
}

void answer_losses(const LossSettings& settings, const Batch& batch, const Tensor& hidden, LossTotals& totals) {
  const auto total = hidden.size(0);
  const auto chunk = chunk_of(settings);
  const bool train = hidden.requires_grad();
  const bool whole = total <= chunk;
  AnswerBatch answers;
  answers.logp = whole ? chunk_logp(settings, batch, hidden, 0, total) : all_logp(settings, batch, hidden);
  if (!whole && train) answers.logp.requires_grad_(true);
  answers.ref_logp = batch.ref_logp;
  answers.weights = batch.weights;
  answers.marks = batch.marks;
  answers.answer_of = batch.answer_of;
  answers.starts = batch.record_starts;
  answers.numbers = batch.record_numbers;
  answers.rewards = batch.rewards;
  const auto loss = settings.objective->answer_loss(answers);
  add_loss(totals, loss);
  if (!train || !loss.sum.requires_grad()) return;
  loss.sum.backward();
  if (whole) return;
  const auto gradient = answers.logp.grad();
  for (std::int64_t first = 0; first < total; first += chunk) {
    const auto count = std::min(chunk, total - first);
    chunk_logp(settings, batch, hidden, first, count).dot(gradient.narrow(0, first, count)).backward();
  }
}

}  // namespace

void LossTotals::add(const LossTotals& other) {
  sum += other.sum;
  count += other.count;
  positions += other.positions;
  weight_sum += other.weight_sum;
  sequences += other.sequences;
  tokens += other.tokens;
  logged_over += other.logged_over;
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

Tensor token_logp(Model& model, const Batch& batch) {
  const at::NoGradGuard no_grad;
  LossSettings settings;
  settings.model = &model;
  return all_logp(settings, batch, hidden_at(model, batch));
}

LossTotals accumulate_loss(const LossSettings& settings, const Batch& batch) {
  LossTotals totals;
  totals.positions = static_cast<double>(batch.at.size(0));
  totals.weight_sum = batch.weight_sum;
  totals.sequences = batch.sequences;
  totals.tokens = batch.tokens;
  const auto hidden = hidden_at(*settings.model, batch);
  auto leaf = hidden.detach();
  if (at::GradMode::is_enabled() && hidden.requires_grad()) leaf.requires_grad_(true);
  if (settings.objective->answer_loss) {
    totals.logged_over = static_cast<double>(batch.sequences);
    answer_losses(settings, batch, leaf, totals);
  } else {
    totals.logged_over = totals.positions;
    token_losses(settings, batch, leaf, totals);
  }
  if (leaf.grad().defined()) hidden.backward(leaf.grad());
  return totals;
}

}  // namespace touchstone
