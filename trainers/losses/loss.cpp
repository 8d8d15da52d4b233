#include "trainers/losses/loss.hpp"

#include <algorithm>

#include "harness/base/error.hpp"
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

/// One pass over chunks of positions: a token objective needs to see no more at once.
void token_losses(const LossSettings& settings, const TokenLoss& objective, const Batch& batch, const Tensor& hidden,
                  LossTotals& totals) {
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
    const auto loss = objective.loss(tokens);
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

/// Log-probabilities of a batch's labels from the states [M, D] that the head reads.
struct HeadPass {
  Tensor logp;         ///< [M]; a leaf of its own where the states are more than one chunk
  bool whole = false;  ///< one chunk: its graph is kept
};

HeadPass head_pass(const LossSettings& settings, const Batch& batch, const Tensor& hidden) {
  const bool whole = hidden.size(0) <= chunk_of(settings);
  HeadPass pass{
      .logp = whole ? chunk_logp(settings, batch, hidden, 0, hidden.size(0)) : all_logp(settings, batch, hidden),
      .whole = whole};
  if (!whole && hidden.requires_grad()) pass.logp.requires_grad_(true);
  return pass;
}

/// Brings the gradient of the log-probabilities to the states, where loss.backward() did not.
void head_backward(const LossSettings& settings, const Batch& batch, const Tensor& hidden, const HeadPass& pass) {
  if (pass.whole || !pass.logp.grad().defined()) return;
  const auto chunk = chunk_of(settings);
  for (std::int64_t first = 0; first < hidden.size(0); first += chunk) {
    const auto count = std::min(chunk, hidden.size(0) - first);
    chunk_logp(settings, batch, hidden, first, count).dot(pass.logp.grad().narrow(0, first, count)).backward();
  }
}

void answer_losses(const LossSettings& settings, const std::function<LossSum(const AnswerBatch&)>& objective,
                   const Batch& batch, const Tensor& hidden, LossTotals& totals) {
  const auto pass = head_pass(settings, batch, hidden);
  auto answers = answers_of(batch, pass.logp);
  if (batch.watched) {
    const auto& others = *batch.watched;
    answers = join_answers(answers, answers_of(others, token_logp(*settings.model, others, settings.temperature)));
  }
  if (settings.critic != nullptr) answers.values = settings.critic->values(batch);
  const auto loss = objective(answers);
  add_loss(totals, loss);
  if (!hidden.requires_grad() || !loss.sum.requires_grad()) return;
  loss.sum.backward();
  head_backward(settings, batch, hidden, pass);
}

/// A tensor of a pass as the loss gets it: cut off, so that the loss's own graph and the head's chunks go backward
/// first, and the layers once, with the sum of all gradients.
struct Cut {
  Tensor whole;
  Tensor leaf;
};

Tensor leaf_of(const Tensor& x, std::vector<Cut>& cuts) {
  auto leaf = x.detach();
  if (!at::GradMode::is_enabled() || !x.requires_grad()) return leaf;
  leaf.requires_grad_(true);
  cuts.push_back({.whole = x, .leaf = leaf});
  return leaf;
}

/// What went on inside a model, and what of it goes backward.
struct Inside {
  InnerStates states;
  std::vector<Cut> cuts;
  std::vector<Tensor> exits;  ///< [M, D] each
  std::vector<HeadPass> heads;
};

Inside look_inside(const LossSettings& settings, const Layers& layers, const Batch& batch) {
  auto want = want_of(layers, *settings.model, batch.at);
  const auto outputs = settings.model->forward(inputs_of(*settings.model, batch), want);
  Inside inside;
  for (const auto& state : outputs.hidden_layers) inside.states.hidden.push_back(leaf_of(state, inside.cuts));
  for (const auto& exit : outputs.exits) {
    inside.exits.push_back(leaf_of(exit, inside.cuts));
    inside.heads.push_back(head_pass(settings, batch, inside.exits.back()));
    inside.states.exit_logp.push_back(inside.heads.back().logp);
  }
  for (const auto& layer : outputs.attention) {
    auto& documents = inside.states.attention.emplace_back();
    for (const auto& one : layer) documents.push_back(leaf_of(one, inside.cuts));
  }
  for (const auto& layer : outputs.qkv) {
    inside.states.qkv.push_back({.query = leaf_of(layer.query, inside.cuts),
                                 .key = leaf_of(layer.key, inside.cuts),
                                 .value = leaf_of(layer.value, inside.cuts)});
  }
  return inside;
}

void model_losses(const LossSettings& settings, const ModelLoss& objective, const Batch& batch, LossTotals& totals) {
  auto inside = look_inside(settings, objective.layers, batch);
  ModelBatch rows{.tokens = batch.inputs.tokens,
                  .starts = batch.inputs.starts,
                  .at = batch.at,
                  .labels = batch.labels,
                  .weights = batch.weights,
                  .marks = batch.marks,
                  .model = inside.states};
  if (settings.reference != nullptr) {
    const at::NoGradGuard no_grad;
    auto frozen = settings;
    frozen.model = settings.reference;
    rows.frozen = look_inside(frozen, objective.layers, batch).states;
  }
  const auto loss = objective.loss(rows);
  add_loss(totals, loss);
  if (!at::GradMode::is_enabled() || !loss.sum.requires_grad()) return;
  loss.sum.backward();
  for (std::size_t at = 0; at < inside.exits.size(); ++at) {
    head_backward(settings, batch, inside.exits[at], inside.heads[at]);
  }
  Tensor pulled;
  for (const auto& cut : inside.cuts) {
    if (!cut.leaf.grad().defined()) continue;
    const auto part = cut.whole.flatten().dot(cut.leaf.grad().flatten());
    pulled = pulled.defined() ? pulled + part : part;
  }
  if (pulled.defined()) pulled.backward();
}

/// The last hidden states with a loss over what the head makes of them: `body` runs on a leaf, whose gradient then goes
/// through the layers at once.
template <class Body>
void behind_the_layers(const LossSettings& settings, const Batch& batch, const Body& body) {
  const auto hidden = hidden_at(*settings.model, batch);
  std::vector<Cut> cuts;
  const auto leaf = leaf_of(hidden, cuts);
  body(leaf);
  if (leaf.grad().defined()) hidden.backward(leaf.grad());
}

/// The layers of a list, those below zero counted from the end, where `end` is.
std::vector<int> counted(const std::vector<int>& layers, int end, int most, const std::string& what) {
  std::vector<int> all;
  for (const auto layer : layers) {
    const auto number = layer < 0 ? end + layer : layer;
    require(number >= 0 && number <= most, Fault::config, [&] {
      return what + ": found layer " + std::to_string(layer) + ", expected at most " + std::to_string(most) +
             " in this model, or -1 for the last";
    });
    require(std::find(all.begin(), all.end(), number) == all.end(), Fault::config, [&] {
      return what + ": found layer " + std::to_string(number) + " twice, expected each once (the model has " +
             std::to_string(end) + " layers)";
    });
    all.push_back(number);
  }
  return all;
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
  inputs.soft = model.encode(MediaKind::picture, batch.tiles);
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

Want want_of(const Layers& layers, const Model& model, const Tensor& at) {
  const auto count = model.layers();
  Want want;
  want.logits = false;
  want.hidden_at = at;
  want.hidden_layers = counted(layers.hidden, count + 1, count, "states of layers");
  want.exits = counted(layers.exits, count + 1, count, "exits of layers");
  want.attention_layers = counted(layers.attention, count, count - 1, "attention of layers");
  want.qkv_layers = counted(layers.qkv, count, count - 1, "queries, keys and values of layers");
  return want;
}

LossTotals accumulate_loss(const LossSettings& settings, const Batch& batch) {
  LossTotals totals;
  totals.positions = static_cast<double>(batch.at.size(0));
  totals.weight_sum = batch.weight_sum;
  totals.sequences = batch.sequences;
  totals.tokens = batch.tokens + (batch.watched ? batch.watched->tokens : 0);
  totals.logged_over = totals.positions;
  const auto answers = [&](const auto& objective) {
    totals.logged_over = static_cast<double>(batch.sequences);
    behind_the_layers(settings, batch,
                      [&](const Tensor& hidden) { answer_losses(settings, objective.loss, batch, hidden, totals); });
  };
  std::visit(Cases{[&](const TokenLoss& objective) {
                     behind_the_layers(settings, batch, [&](const Tensor& hidden) {
                       token_losses(settings, objective, batch, hidden, totals);
                     });
                   },
                   [&](const AnswerLoss& objective) { answers(objective); },
                   [&](const RolloutLoss& objective) { answers(objective); },
                   [&](const ModelLoss& objective) { model_losses(settings, objective, batch, totals); }},
             *settings.objective);
  return totals;
}

}  // namespace touchstone
