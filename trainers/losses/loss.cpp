#include "trainers/losses/loss.hpp"

#include <algorithm>

#include "harness/model/ops.hpp"
#include "trainers/loops/critic.hpp"
#include "trainers/rows/pieces.hpp"

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

/// One pass over chunks of positions: a token objective never needs more than one at once.
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
  auto logits = settings.model->project(hidden.narrow(0, first, count));
  if (settings.temperature != 1.0) logits = logits / settings.temperature;
  return label_logp(logits, batch.labels.narrow(0, first, count));
}

/// Log-probabilities chunk by chunk, without gradient.
Tensor all_logp(const LossSettings& settings, const Batch& batch, const Tensor& hidden) {
  const at::NoGradGuard no_grad;
  const auto chunk = chunk_of(settings);
  std::vector<Tensor> parts;
  for (std::int64_t first = 0; first < hidden.size(0); first += chunk) {
    parts.push_back(chunk_logp(settings, batch, hidden, first, std::min(chunk, hidden.size(0) - first)));
  }
  return at::cat(parts);
}

/// A batch as an objective sees it, with these log-probabilities of its trained tokens.
AnswerBatch answers_of(const Batch& batch, const Tensor& logp) {
  return {.logp = logp,
          .ref_logp = batch.ref_logp,
          .weights = batch.weights,
          .marks = batch.marks,
          .answer_of = batch.answer_of,
          .starts = batch.record_starts,
          .numbers = batch.record_numbers,
          .rewards = batch.rewards,
          .notes = batch.notes};
}

/// First answers and the others of the same records (log-probabilities without gradient), merged by record again.
AnswerBatch join_answers(const AnswerBatch& first, const AnswerBatch& others) {
  AnswerBatch whole;
  whole.numbers = first.numbers;
  std::vector<std::int64_t> first_places;
  std::vector<std::int64_t> other_places;
  whole.starts = {0};
  for (std::size_t record = 0; record < first.numbers.size(); ++record) {
    first_places.push_back(whole.starts.back());
    whole.rewards.push_back(first.rewards[record]);
    const auto from = others.starts[record];
    const auto to = others.starts[record + 1];
    for (auto other = from; other < to; ++other) {
      other_places.push_back(whole.starts.back() + 1 + other - from);
      whole.rewards.push_back(others.rewards[static_cast<std::size_t>(other)]);
    }
    whole.starts.push_back(whole.starts.back() + 1 + to - from);
  }
  const auto device = first.logp.device();
  const auto places = at::cat({at::tensor(first_places).to(device).index_select(0, first.answer_of),
                               at::tensor(other_places).to(device).index_select(0, others.answer_of)});
  const auto order = std::get<1>(places.sort(/*stable=*/true, /*dim=*/0, /*descending=*/false));
  const auto join = [&](const Tensor& a, const Tensor& b) { return at::cat({a, b}).index_select(0, order); };
  const auto filled = [](const Tensor& x, const AnswerBatch& of, const Tensor& like, double value) {
    return x.defined() ? x : at::full({of.logp.size(0)}, value, like.options());
  };
  const auto join_some = [&](const Tensor& a, const Tensor& b, double value) {
    if (!a.defined() && !b.defined()) return Tensor();
    return join(filled(a, first, b, value), filled(b, others, a, value));
  };
  whole.logp = join(first.logp, others.logp);
  whole.answer_of = places.index_select(0, order);
  whole.weights = join_some(first.weights, others.weights, 1.0);
  whole.marks = join_some(first.marks, others.marks, 0.0);
  if (first.ref_logp.defined() && others.ref_logp.defined()) whole.ref_logp = join(first.ref_logp, others.ref_logp);
  return whole;
}

void answer_losses(const LossSettings& settings, const Batch& batch, const Tensor& hidden, LossTotals& totals) {
  const auto total = hidden.size(0);
  const auto chunk = chunk_of(settings);
  const bool train = hidden.requires_grad();
  const bool whole = total <= chunk;
  const auto logp = whole ? chunk_logp(settings, batch, hidden, 0, total) : all_logp(settings, batch, hidden);
  if (!whole && train) logp.requires_grad_(true);
  auto answers = answers_of(batch, logp);
  if (batch.watched) {
    const auto& others = *batch.watched;
    answers = join_answers(answers, answers_of(others, token_logp(*settings.model, others, settings.temperature)));
  }
  if (settings.critic != nullptr) answers.values = settings.critic->values(batch);
  const auto loss = settings.objective->answer_loss(answers);
  add_loss(totals, loss);
  if (!train || !loss.sum.requires_grad()) return;
  loss.sum.backward();
  if (whole) return;
  const auto gradient = logp.grad();
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

Tensor token_logp(Model& model, const Batch& batch, double temperature) {
  const at::NoGradGuard no_grad;
  LossSettings settings;
  settings.model = &model;
  settings.temperature = temperature;
  return all_logp(settings, batch, hidden_at(model, batch));
}

LossTotals accumulate_loss(const LossSettings& settings, const Batch& batch) {
  LossTotals totals;
  totals.positions = static_cast<double>(batch.at.size(0));
  totals.weight_sum = batch.weight_sum;
  totals.sequences = batch.sequences;
  totals.tokens = batch.tokens + (batch.watched ? batch.watched->tokens : 0);
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
