#include "harness/model/ops.hpp"
#include "harness/train/session.hpp"
#include "harness/train/stage.hpp"
#include "trainers/loops/answering.hpp"
#include "trainers/loops/stage_progress.hpp"
#include "trainers/losses/loss.hpp"
#include "trainers/rows/data_set.hpp"
#include "trainers/rows/row_options.hpp"

namespace touchstone {
namespace {

constexpr std::size_t batch_tokens = 4096;

struct ReferenceOptions {
  std::string data;
  std::string model;
  RowSettings rows;
};

/// The answers of one batch, identified by the tokens that they train.
void keep_logp(const Batch& batch, const Tensor& logp, const std::vector<Row>& rows, std::vector<Record*>& records) {
  const auto values = logp.to(at::kCPU).contiguous();
  const auto* next = values.const_data_ptr<float>();
  for (const auto number : batch.record_numbers) {
    const auto& row = rows[static_cast<std::size_t>(number)];
    auto& record = *records[static_cast<std::size_t>(number)];
    for (std::size_t answer = 0; answer <= row.others.size(); ++answer) {
      const auto labels = answer == 0 ? row.ids.size() - row.prompt_tokens : row.others[answer - 1].ids.size();
      const std::size_t skipped = row.prompt_tokens == 0 ? 1 : 0;  // the first token has no label: nothing predicts it
      auto& kept = record.answers[answer].ref_logp_nats;
      kept.assign(skipped, 0.0F);
      kept.insert(kept.end(), next, next + (labels - skipped));
      next += labels - skipped;
    }
  }
}

void run_reference(const ReferenceOptions& options, Session& session) {
  auto& model = session_model(session, options.model);
  auto settings = options.rows;
  settings.max_length = row_limit(settings, model.max_length());
  settings.answers = 1;
  const auto encoder = row_encoder(session);
  std::vector<Row> rows;
  std::vector<Record*> records;
  RowAudit audit;
  for (auto& record : session.data.at(options.data)) {
    for (auto& answer : record.answers) answer.ref_logp_nats.clear();
    if (auto row = encode_row(record, encoder, settings, audit)) {
      rows.push_back(std::move(*row));
      records.push_back(&record);
    }
  }
  session.values = audit.values();
  double sum = 0.0;
  double tokens = 0.0;
  StageProgress progress(session, rows.size(), "rows scored");
  for (std::size_t first = 0; first < rows.size();) {
    progress.at(first);
    if (session.hooks->cancel != nullptr) session.hooks->cancel->check();
    std::vector<std::size_t> chosen;
    for (std::size_t size = 0;
         first < rows.size() && (chosen.empty() || size + rows[first].tokens() <= batch_tokens);) {
      size += rows[first].tokens();
      chosen.push_back(first++);
    }
    const auto batch = make_batch(rows, chosen, Normaliser::token_mean, model.head().weight.device(), session.reader());
    const auto logp = token_logp(model, batch);
    keep_logp(batch, logp, rows, records);
    sum += logp.sum(at::kDouble).item<double>();
    tokens += static_cast<double>(logp.size(0));
  }
  if (tokens > 0.0) session.values["mean_logp_nats"] = sum / tokens;
}

Stage make_reference(Options& options, const TrainerBook&) {
  ReferenceOptions reference;
  reference.data = read_on(options);
  reference.model = options.text("model", "name of a frozen model; \"\": the model as it is now", {.fallback = ""});
  reference.rows = read_row_options(options);
  Stage stage;
  stage.needs.push_back(needs_data(reference.data));
  if (!reference.model.empty()) stage.needs.push_back("frozen model '" + reference.model + "'");
  stage.gives.push_back(reference_of(reference.data));
  stage.making = {.data = reference.data, .by = reference.model};
  stage.run = [reference](Session& session) { run_reference(reference, session); };
  return stage;
}

}  // namespace

namespace plugins {
void reference(TrainerBook& book) {
  book.stages.add("reference",
                  {.summary = "computes the reference model's log-probabilities of a data set's answers, once",
                   .make = make_reference});
}
}  // namespace plugins
}  // namespace touchstone
