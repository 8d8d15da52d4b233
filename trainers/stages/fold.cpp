#include <algorithm>

#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/loops/batches.hpp"
#include "trainers/loops/stage_progress.hpp"
#include "trainers/losses/loss.hpp"

namespace touchstone {
namespace {

/// The head's input at the trained positions of a row, [M, D]; with an adapter in the head itself, the logits instead.
Tensor probe(Model& model, const Row& row, const PictureReader* pictures, bool logits) {
  const at::NoGradGuard no_grad;
  const auto batch = make_batch({row}, {0}, Normaliser::token_mean, model.head().weight.device(), pictures);
  Want want;
  want.logits = logits;
  want.logits_at = batch.at;
  want.hidden = !logits;
  want.hidden_at = batch.at;
  const auto outputs = model.forward(inputs_of(model, batch), want);
  return logits ? outputs.logits : outputs.hidden;
}

std::vector<Row> probe_rows(const Session& session, std::int64_t count) {
  if (session.data.empty()) return {};
  const auto& records = session.data.begin()->second;
  const auto first = std::min(records.size(), static_cast<std::size_t>(count));
  RowSettings settings;
  settings.max_length = std::min(256, session.model->max_length());
  RowAudit audit;
  return encode_rows({records.data(), first}, row_encoder(session), settings, audit);
}

/// Merging rounds: reports how far it moved the logits and how many of the likeliest tokens it changed. Until then the
/// head's inputs of each row are kept, not its logits, which hold a number for every word of the vocabulary; the logits
/// of one row at a time are computed from them.
void run_fold(Session& session, std::int64_t probes) {
  auto& model = *session.model;
  const auto rows = probe_rows(session, probes);
  const auto* pictures = session.reader();
  const bool own_head = !model.head().deltas.empty();
  std::vector<Tensor> before;
  StageProgress progress(session, 2 * rows.size(), "rows held against the adapter");
  for (const auto& row : rows) {
    before.push_back(probe(model, row, pictures, own_head));
    progress.one_more();
  }
  for (const auto& [name, linear] : model.linears()) fold_deltas(*linear);
  session.folded = true;
  double largest = 0.0;
  double changed = 0.0;
  double positions = 0.0;
  const at::NoGradGuard no_grad;
  const auto logits_of = [&](const Tensor& found) { return own_head ? found : model.project(found); };
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto after = logits_of(probe(model, rows[row], pictures, own_head));
    const auto earlier = logits_of(before[row]);
    before[row] = Tensor();
    largest = std::max(largest, (after - earlier).abs().max().item<double>());
    changed += (after.argmax(-1) != earlier.argmax(-1)).sum().item<double>();
    positions += static_cast<double>(after.size(0));
    progress.one_more();
  }
  if (positions == 0.0) return;
  session.values["max_logit_difference"] = largest;
  session.values["token_disagreement"] = changed / positions;
  session.values["probed_positions"] = positions;
}

Stage make_fold(Options& options, const TrainerBook&) {
  const auto probes =
      options.integer("probe_rows", "training rows on which the folded model is compared with the adapter",
                      {.fallback = 8, .min = 0, .max = 100000});
  Stage stage;
  stage.needs.push_back("an adapter");
  stage.run = [probes](Session& session) { run_fold(session, probes); };
  return stage;
}

}  // namespace

namespace plugins {
void fold(TrainerBook& book) {
  book.stages.add("fold", {.summary = "adds the adapter to the weights, in float32", .make = make_fold});
}
}  // namespace plugins
}  // namespace touchstone
