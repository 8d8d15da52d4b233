#include "trainers/loops/train_loop.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include "harness/base/draws.hpp"
#include "harness/base/seed.hpp"
#include "harness/base/stopwatch.hpp"
#include "harness/model/ops.hpp"
#include "harness/train/train_job.hpp"
#include "trainers/deltas/trainable.hpp"
#include "trainers/rows/row_options.hpp"

namespace touchstone {
namespace {

/// Moves a share of the rows, drawn by seed, to the validation set.
std::vector<Row> set_aside(std::vector<Row>& rows, double share, std::uint64_t seed) {
  const auto units = units_of(rows);
  const auto count = static_cast<std::size_t>(std::llround(share * static_cast<double>(units.size())));
  Draws draws(seed, "train.validation");
  std::vector<bool> taken(rows.size(), false);
  for (const auto unit : sample_indices(units.size(), count, draws)) {
    for (const auto row : units[unit]) taken[row] = true;
  }
  std::vector<Row> aside;
  std::vector<Row> left;
  for (std::size_t at = 0; at < rows.size(); ++at) (taken[at] ? aside : left).push_back(std::move(rows[at]));
  rows = std::move(left);
  return aside;
}

}  // namespace

TrainLoop::TrainLoop(Session& session, TrainOptions options)
    : session_(session),
      options_(std::move(options)),
      needs_(needs_of(options_.objective)),
      device_(session.model->head().weight.device()) {
  if (options_.language_rate_factor != 1.0) slow_language();
  groups_.emplace(trained_groups(session, options_.trained_modules, options_.optimizer));
  loss_.model = session.model.get();
  loss_.objective = &options_.objective;
  if (auto* const memory = memory_of(options_.objective)) memory->clear();
  if (!needs_.frozen.empty()) loss_.reference = session.frozen.at(needs_.frozen.front()).get();
  check_layers();
}

/// The layers that the objective looks at are there; says where they cost the kernels.
void TrainLoop::check_layers() const {
  auto& model = *session_.model;
  const auto kernels = model.kernels(want_of(needs_.layers, model));
  if (loss_.reference != nullptr) want_of(needs_.layers, *loss_.reference);
  if (kernels == model.kernels() || session_.hooks->log == nullptr) return;
  session_.hooks->log->info("this objective runs on " + kernels + " in place of " + model.kernels());
}

/// A pre-trained language part forgets at the learning rate that the vision part needs.
void TrainLoop::slow_language() {
  std::set<const Tensor*> language;
  for (const auto& [name, tensor] : trainable_parameters(session_.model->language())) language.insert(tensor);
  for (const auto& [name, tensor] : trainable_parameters(*session_.model)) {
    if (language.count(tensor) != 0) options_.optimizer.adamw.rate_factors[name] = options_.language_rate_factor;
  }
}

void TrainLoop::prepare_rows() {
  auto& limit = options_.rows.max_length;
  limit = row_limit(options_.rows, session_.model->max_length());
  options_.rows.answers = needs_.answers.all ? needs_.answers.least : 0;
  options_.rows.roles = needs_.roles;
  const auto encoder = row_encoder(session_);
  RowAudit audit;
  rows_ = encode_rows(session_.data.at(options_.data), encoder, options_.rows, audit);
  session_.values = audit.values();
  if (!options_.validation.empty()) {
    RowAudit ignored;
    validation_ = encode_rows(session_.data.at(options_.validation), encoder, options_.rows, ignored);
  } else if (options_.validation_share > 0.0) {
    validation_ = set_aside(rows_, options_.validation_share, options_.steps.seed);
  }
  if (options_.steps.pack_tokens == 0) options_.steps.pack_tokens = limit;
  if (options_.steps.pack && options_.steps.wrap) {
    if (options_.steps.shuffle) {  // before they become one stream: its order stays
      Draws draws(options_.steps.seed, "train.stream");
      shuffle(rows_, draws);
    }
    rows_ = wrap_rows(rows_, options_.steps.pack_tokens);
    session_.values["rows_wrapped"] = static_cast<double>(rows_.size());
  }
  require(!rows_.empty(), Fault::data, [&] {
    return "data set '" + options_.data + "' has no row to train on: of " + std::to_string(audit.rows_total) +
           " rows, " + std::to_string(audit.rows_dropped) + " have no token of an answer within max_length, " +
           std::to_string(limit);
  });
  if (audit.rows_truncated > 0 && session_.hooks->log != nullptr) {
    session_.hooks->log->warn(std::to_string(audit.rows_truncated) + " of " + std::to_string(audit.rows_total) +
                              " rows are longer than " + std::to_string(limit) + " tokens and were cut; " +
                              std::to_string(audit.labels_dropped) + " of " + std::to_string(audit.labels_total) +
                              " trained tokens are lost");
  }
  if (audit.rows_seam_merged > 0 && session_.hooks->log != nullptr) {
    session_.hooks->log->warn(std::to_string(audit.rows_seam_merged) + " of " + std::to_string(audit.rows_total) +
                              " rows have a token that reaches from the prompt into the answer: they are trained "
                              "behind other tokens than the prompt alone becomes");
  }
}

bool TrainLoop::restore() {
  checkpoints_.emplace(session_, rows_hash(rows_) + rows_hash(validation_));
  const auto state = checkpoints_->load();
  if (!state) return false;
  groups_->restore(*state, !checkpoints_->finished());
  done_ = state->step;
  counters_ = state->counters;
  if (auto* const memory = memory_of(options_.objective)) *memory = state->memory;
  session_.result.resumed_from_step = session_.result.steps + done_;
  return checkpoints_->finished();
}

TrainState TrainLoop::state(bool with_moments) const {
  TrainState state;
  state.step = done_;
  groups_->save(state, with_moments);
  state.counters = counters_;
  if (const auto* const memory = memory_of(options_.objective)) state.memory = *memory;
  return state;
}

BatchSettings TrainLoop::batch_settings(int epoch) const {
  BatchSettings settings{.pad = options_.steps.pad};
  if (const auto* answers = std::get_if<AnswerLoss>(&options_.objective)) {
    const auto count = answers->others_per_epoch;
    settings.first_learns = answers->first_learns;
    settings.others = {.first = epoch * count, .count = count};
  }
  return settings;
}

LossTotals TrainLoop::totals_of(const std::vector<Row>& rows, const std::vector<std::size_t>& chosen, int epoch) const {
  return accumulate_loss(
      loss_, make_batch(rows, chosen, options_.normaliser, device_, session_.reader(), batch_settings(epoch)));
}

void TrainLoop::prepare_objective() {
  const auto* tokens = std::get_if<TokenLoss>(&options_.objective);
  if (tokens == nullptr || !tokens->prepare) return;
  std::vector<float> ref_logp;
  for (const auto& row : rows_) {
    const auto& all = row.facts.ref_logp;
    const std::ptrdiff_t skipped = row.prompt_tokens == 0 ? 1 : 0;  // the first token has no label: nothing predicts it
    if (!all.empty()) ref_logp.insert(ref_logp.end(), all.begin() + skipped, all.end());
  }
  tokens->prepare(ref_logp);
}

StepReport TrainLoop::step(std::int64_t number) {
  const Stopwatch watch;
  loss_.draw_seed = derive_seed(options_.steps.seed, "train.draws." + std::to_string(number));
  LossTotals totals;
  const auto& planned = plan_[static_cast<std::size_t>(number)];
  for (const auto& chosen : planned.micro_batches) totals.add(totals_of(rows_, chosen, planned.epoch));
  const double divisor = totals.divisor(options_.normaliser, options_.constant_length);
  StepReport report;
  report.stage = session_.stage;
  report.stage_name = session_.stage_name;
  report.step = number + 1;
  report.steps = schedule_.steps;
  report.loss = divisor > 0.0 ? totals.sum / divisor : 0.0;
  const double factor = schedule_.factor(number);
  report.learning_rate = options_.optimizer.learning_rate * factor;
  const auto norms = groups_->norms(divisor);
  report.gradient_norm = norms.empty() ? 0.0 : norms.front();
  report.tokens = totals.tokens;
  report.trained_tokens = static_cast<std::int64_t>(totals.positions);
  for (const auto& [name, value] : totals.logged) report.values[name] = value / totals.logged_over;
  require_finite(report, norms);
  if (divisor > 0.0) groups_->step(factor, divisor, norms);
  report.seconds = watch.seconds();
  return report;
}

bool TrainLoop::validates_after(std::int64_t number) const {
  if (validation_.empty()) return false;
  if (number + 1 == schedule_.steps) return true;
  if (options_.eval_steps > 0) return (number + 1) % options_.eval_steps == 0;
  const auto at = static_cast<std::size_t>(number);
  return plan_[at].epoch != plan_[at + 1].epoch;
}

double TrainLoop::validate() {
  const at::NoGradGuard no_grad;
  LossTotals totals;
  std::vector<std::size_t> chosen;
  std::size_t tokens = 0;
  for (const auto& unit : units_of(validation_)) {
    std::size_t length = 0;
    for (const auto row : unit) length += validation_[row].ids.size();
    if (!chosen.empty() && tokens + length > 4096) {
      totals.add(totals_of(validation_, chosen, 0));
      chosen.clear();
      tokens = 0;
    }
    chosen.insert(chosen.end(), unit.begin(), unit.end());
    tokens += length;
  }
  totals.add(totals_of(validation_, chosen, 0));
  const double divisor = totals.divisor(options_.normaliser, options_.constant_length);
  return divisor > 0.0 ? totals.sum / divisor : 0.0;  // an objective may leave every position out
}

void TrainLoop::keep() const {
  const auto& job = *session_.job;
  auto number = std::to_string(done_);
  number.insert(0, number.size() < 8 ? 8 - number.size() : 0, '0');
  const auto folder = job.work / "kept";
  std::filesystem::create_directories(folder);
  session_.checkpoints->write(folder / ("step-" + number), *session_.model,
                              session_.checkpoints->base_folder(job.model), saved_dtype(job.save_dtype));
}

void TrainLoop::run() {
  if (session_.data.at(options_.data).empty()) {  // an empty split; other stages report lost rows themselves
    session_.values = {{"rows_total", 0.0}, {"steps", 0.0}};
    if (session_.hooks->log != nullptr) session_.hooks->log->warn("data set '" + options_.data + "' is empty: no step");
    return;
  }
  prepare_rows();
  prepare_objective();
  plan_ = plan_steps(rows_, options_.steps);
  schedule_ = schedule_of(options_.optimizer, static_cast<std::int64_t>(plan_.size()));
  if (restore()) return end_stage(session_, counters_, done_);
  const auto& hooks = *session_.hooks;
  while (done_ < schedule_.steps) {
    auto report = step(done_);
    count_step(counters_, report);
    if (validates_after(done_)) counters_["validation_loss"] = report.values["validation_loss"] = validate();
    ++done_;
    if (hooks.step) hooks.step(report);
    if (options_.keep_every_steps > 0 && done_ % options_.keep_every_steps == 0 && done_ < schedule_.steps) keep();
    const bool cancelled = hooks.cancel != nullptr && hooks.cancel->is_set();
    const bool due = session_.job->save_every_steps > 0 && done_ % session_.job->save_every_steps == 0;
    if (done_ == schedule_.steps || (!due && !cancelled)) continue;
    if (hooks.saving) hooks.saving();
    checkpoints_->save(state(true));
    if (cancelled) throw Cancelled();
  }
  if (hooks.saving) hooks.saving();
  checkpoints_->finish(state(false));
  end_stage(session_, counters_, done_);
}

}  // namespace touchstone
