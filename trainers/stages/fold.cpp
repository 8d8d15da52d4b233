#include <algorithm>

#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/adapters/lora.hpp"
#include "trainers/loops/batches.hpp"
#include "trainers/losses/loss.hpp"

namespace touchstone {
namespace {

/// Logits of the trained positions of some rows, one tensor a row.
std::vector<Tensor> probe_logits(Model& model, const std::vector<Row>& rows, const PictureReader* pictures) {
  const at::NoGradGuard no_grad;
  std::vector<Tensor> all;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto batch = make_batch(rows, {row}, Normaliser::token_mean, model.head().weight.device(), pictures);
    Want want;
    want.logits_at = batch.at;
    all.push_back(model.forward(inputs_of(model, batch), want).logits);
  }
  return all;
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

/// Merging rounds; how far it moved the logits, and how many of the likeliest tokens it changed, is reported.
void run_fold(Session& session, std::int64_t probes) {
  const auto rows = probe_rows(session, probes);
  const auto* pictures = session.reader();
  const auto before = probe_logits(*session.model, rows, pictures);
  fold_deltas(*session.model);
  session.folded = true;
  const auto after = probe_logits(*session.model, rows, pictures);
  double largest = 0.0;
  double changed = 0.0;
  double positions = 0.0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    largest = std::max(largest, (after[row] - before[row]).abs().max().item<double>());
    changed += (after[row].argmax(-1) != before[row].argmax(-1)).sum().item<double>();
    positions += static_cast<double>(after[row].size(0));
  }
  if (positions == 0.0) return;
  session.values["max_logit_difference"] = largest;
  session.values["token_disagreement"] = changed / positions;
  session.values["probed_positions"] = positions;
}

Stage make_fold(Options& options, const TrainerBook&) {
  const auto probes =
      options.integer("probe_rows", "training rows on which the folded model is held against the adapter",
                      {.fallback = 64, .min = 0, .max = 100000});
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
